"""The NDEF file that a URL was read from."""

from __future__ import annotations

# URI identifier codes of the NFC Forum's URI record type, longest prefix first.
_PREFIXES = (("https://www.", 2), ("http://www.", 1), ("https://", 4), ("http://", 3))
_HEADER_BYTES = 7
#: A tag's file has 256 bytes; more than this did not come from one.
_MOST_CHARACTERS = 320


class FileImage:
    """NLEN (2) || D1h 01h payload length 'U' || URI code (1) || text: what the MAC was made of.

    Offsets are those of the tag's file settings: bytes from the start of the file
    (NT4H2421Gx §10.7.1).
    """

    def __init__(self, url: str) -> None:
        prefix, code = next((pair for pair in _PREFIXES if url.startswith(pair[0])), ("", 0))
        # One byte for each character, so that places in the URL are places in the file.
        text = url[len(prefix) :][:_MOST_CHARACTERS].encode("ascii", "replace")
        record = bytes((0xD1, 0x01, (len(text) + 1) & 0xFF)) + b"U" + bytes((code,)) + text
        self.content = len(record).to_bytes(2, "big") + record
        #: What is added to a place in the URL to get the offset in the file.
        self.shift = _HEADER_BYTES - len(prefix)
