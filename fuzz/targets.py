"""The readers of input from outside, each as a function of bytes that must not fail.

A target raises nothing but what the reader promises to raise; anything else that
comes out of it is a defect, and so is taking longer than its limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from ntag424 import (
    Key,
    Keyring,
    MalformedTapError,
    Mode,
    TamperStatus,
    TapMacError,
    UrlTemplate,
    VerificationError,
    Verifier,
    VerifierSet,
)
from ntag424.keys import StaticKeys
from ntag424.sdm import TapMessage, verify
from ntag424.testing import tap_source

_UID = bytes.fromhex("04DE5F1EACC040")
_KEYS = StaticKeys(file_read=Key(b"F" * 16), meta_read=Key(b"M" * 16))
_TEMPLATES = tuple(
    UrlTemplate("https://id.example.com" + form)
    for form in (
        "/t#k={kv}{epoch}&p={picc}&m={mac}",
        "/t?u={uid}&c={ctr}&m={mac}",
        "/f?{mac-input}p={picc}&e={file:32+tt@3}&m={mac}",
        "/{mac-input}{uid}/{tt}/{mac}",
        "/c/{picc:ctr}/{mac}",
    )
)
_FLEETS = VerifierSet(Verifier(template, Keyring.single(_KEYS)) for template in _TEMPLATES)

#: How often a slow input is timed again before it counts as slow: others use this machine.
_RETRIES = 20


class SlowInputError(Exception):
    """The reader took longer than its limit, every time it was tried."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader, texts it takes, and the seconds it may need for any input."""

    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    limit: float = 0.001

    def run(self, data: bytes) -> None:
        """Feed *data* to the reader, and measure.

        Raises:
            SlowInputError: it was too slow.

        """
        if min(self._seconds(data, 1)) > self.limit:
            quickest = min(self._seconds(data, _RETRIES))
            if quickest > self.limit:
                raise SlowInputError(f"{quickest * 1000:.1f} ms for {data!r}")

    def _seconds(self, data: bytes, times: int) -> list[float]:
        found = []
        for _ in range(times):
            start = perf_counter()
            self.read(data)
            found.append(perf_counter() - start)
        return found


def _parse_url(data: bytes) -> None:
    url = data.decode("utf-8", "surrogateescape")
    for template in _TEMPLATES:
        try:
            tap = template.parse(url)
        except MalformedTapError:
            continue
        if template.render(tap) != url:
            raise AssertionError("what was parsed does not render to the same URL")


def _verify_url(data: bytes) -> None:
    try:
        _FLEETS.verify(data.decode("utf-8", "surrogateescape"))
    except VerificationError:
        return


def _read_template(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        template = UrlTemplate(text)
    except ValueError:
        return
    if template.text != text or not text.startswith(template.place.partition("{")[0]):
        raise AssertionError("a template forgot its text")
    template.layout()


def _read_message(data: bytes) -> None:
    """Cut *data* into the parts of a message: sizes first, then what they are cut from."""
    sizes, rest = data[:6].ljust(6, b"\0"), data[6:]
    parts = []
    for size in sizes[:4]:
        parts.append(rest[: size % 64])
        rest = rest[size % 64 :]
    mac, picc_data, uid, file_data = parts
    try:
        message = TapMessage(
            mac=mac,
            mac_input=rest,
            picc_data=picc_data or None,
            uid=uid or None,
            read_counter=int.from_bytes(rest[:4], "big") if sizes[4] & 1 else None,
            encrypted_file_data=file_data or None,
            tamper=TamperStatus.CLOSED if sizes[4] & 2 else None,
            tamper_at=sizes[5] if sizes[4] & 4 else None,
            mode=(None, Mode.AES, Mode.AES, None)[sizes[4] >> 6],
        )
        # In LRP mode a millisecond is what the mathematics take.
        if message.sdm_mode is Mode.AES:
            verify(message, _KEYS)
    except (MalformedTapError, TapMacError, ValueError):
        return


def _tapped(template: UrlTemplate, mode: Mode) -> bytes:
    tamper = TamperStatus.CLOSED if "tt" in template.text else None
    return tap_source(template, _KEYS, _UID, mode=mode, tamper=tamper).tap().encode()


_URLS = tuple(_tapped(template, mode) for template in _TEMPLATES for mode in Mode)
_AES_URLS = tuple(_tapped(template, Mode.AES) for template in _TEMPLATES)

TARGETS = {
    "parse-url": Target(_parse_url, _URLS),
    "verify-url": Target(_verify_url, _AES_URLS, limit=0.005),
    # Templates are the operator's own, and read once: their patterns may take their time.
    "template": Target(
        _read_template, tuple(template.text.encode() for template in _TEMPLATES), limit=0.05
    ),
    "message": Target(
        _read_message,
        (
            bytes((8, 16, 0, 0, 0, 0)) + bytes(24),
            bytes((8, 0, 7, 0, 1, 0)) + bytes(15),
            bytes((8, 16, 0, 32, 4, 5)) + bytes(56) + b"00" * 32,
            bytes((8, 24, 0, 0, 0, 0)) + bytes(32),
        ),
    ),
}
