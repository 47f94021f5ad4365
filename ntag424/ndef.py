"""The one NDEF message that tags carry here: a short URI record (NFC Forum URI RTD 1.0).

A file is NLEN (2, MSB first) || D1h 01h payload length 55h || URI code (1) || text.
"""

from __future__ import annotations

#: NLEN (2), record header, type length, payload length, type and URI code (5).
HEADER_BYTES = 7
_SHORT_WELL_KNOWN = b"\xd1\x01"
_URI = b"U"
#: URI codes, longest prefix first: what a reader puts before the text.
_PREFIXES = (
    ("https://www.", 2),
    ("http://www.", 1),
    ("https://", 4),
    ("http://", 3),
    ("", 0),
)


def split_prefix(url: str) -> tuple[int, str]:
    """Return the URI code for the beginning of *url*, and what is left of it."""
    prefix, code = next(pair for pair in _PREFIXES if url.startswith(pair[0]))
    return code, url.removeprefix(prefix)


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
    prefixes = {code: prefix for prefix, code in _PREFIXES}
    if record[4] not in prefixes:
        raise ValueError(f"URI code {record[4]:02X} is none of those for the web")
    return prefixes[record[4]] + record[5:].decode("ascii")
