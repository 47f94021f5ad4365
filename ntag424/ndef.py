"""The one NDEF message that tags carry here: a short URI record (NFC Forum URI RTD 1.0).

A file is NLEN (2, MSB first) || D1h 01h payload length 55h || URI code (1) || text.
"""

from __future__ import annotations

#: NLEN (2), record header, type length, payload length, type and URI code (5).
HEADER_BYTES = 7
_SHORT_WELL_KNOWN = b"\xd1\x01"
_URI = b"U"
#: What a reader puts before the text, by URI code (URI RTD 1.0, table 3).
_PREFIXES = (
    *("", "http://www.", "https://www.", "http://", "https://", "tel:", "mailto:"),
    *("ftp://anonymous:anonymous@", "ftp://ftp.", "ftps://", "sftp://", "smb://", "nfs://"),
    *("ftp://", "dav://", "news:", "telnet://", "imap:", "rtsp://", "urn:", "pop:", "sip:"),
    *("sips:", "tftp:", "btspp://", "btl2cap://", "btgoep://", "tcpobex://", "irdaobex://"),
    *("file://", "urn:epc:id:", "urn:epc:tag:", "urn:epc:pat:", "urn:epc:raw:", "urn:epc:"),
    "urn:nfc:",
)
#: Characters of the longest of them.
LONGEST_PREFIX = max(map(len, _PREFIXES))


def split_prefix(beginning: str) -> tuple[int, str]:
    """Return the URI code of the longest prefix that *beginning* has, and what is left of it.

    Code 0 stands for none: the URI is written whole.
    """
    code = max(
        (code for code, prefix in enumerate(_PREFIXES) if beginning.startswith(prefix)),
        key=lambda code: len(_PREFIXES[code]),
    )
    return code, beginning.removeprefix(_PREFIXES[code])


def uri_file(code: int, text: bytes) -> bytes:
    """Write an NDEF file whose one record is a URI.

    Raises:
        ValueError: the text is longer than a short record.

    """
    payload = bytes((code,)) + text
    if len(payload) > 0xFF:
        raise ValueError(f"a short record carries 254 bytes of text, not {len(text)}")
    record = _SHORT_WELL_KNOWN + bytes((len(payload),)) + _URI + payload
    return len(record).to_bytes(2, "big") + record


def read_uri(file: bytes) -> str | None:
    """Read the URI in an NDEF file; None where its message is empty.

    What stands behind the message does not count.

    Raises:
        ValueError: it is no NDEF file, or holds something else than one URI in ASCII.

    """
    if len(file) < 2:
        raise ValueError("an NDEF file has at least NLEN, 2 bytes")
    length = int.from_bytes(file[:2], "big")
    record = file[2 : 2 + length]
    if not length:
        return None
    if len(record) != length or length < 5:
        raise ValueError("the message is not wholly in the file")
    if record[:2] != _SHORT_WELL_KNOWN or record[3:4] != _URI or record[2] != length - 4:
        raise ValueError("the message is not one short URI record")
    if record[4] >= len(_PREFIXES):
        raise ValueError(f"URI code {record[4]:02X} is reserved")
    return _PREFIXES[record[4]] + record[5:].decode("ascii")
