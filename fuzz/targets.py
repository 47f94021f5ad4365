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
from ntag424.apdu import ResponseApdu
from ntag424.commands import Command, GetCardUid, GetFileSettings, GetVersion, ReadData
from ntag424.crypto import Lrp
from ntag424.diagnosis import read_log
from ntag424.errors import Ntag424Error
from ntag424.keys import StaticKeys
from ntag424.model.files import FACTORY_SETTINGS, CommMode, FileDescription
from ntag424.ndef import read_uri, uri_file
from ntag424.sdm import TapMessage, verify
from ntag424.secure_channel import AesChannel, LrpChannel, SecureChannel
from ntag424.testing import SimulatedTag, tap_source

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


def _read_settings(data: bytes) -> None:
    try:
        description = FileDescription.from_bytes(data)
    except ValueError:
        return
    if FileDescription.from_bytes(bytes(description)) != description:
        raise AssertionError("settings are not read as they were written")


def _read_ndef(data: bytes) -> None:
    try:
        read_uri(data)
    except ValueError:
        return


_COMMANDS: tuple[Command[object], ...] = (
    GetCardUid(),
    GetVersion(),
    GetFileSettings(2),
    ReadData(2, 0, 16, CommMode.FULL),
    ReadData(2, 0, 0, CommMode.MAC),
)


def _unwrap_answer(data: bytes) -> None:
    """Cut *data* into a choice, and an answer; on demand with a MAC that holds."""
    choice, rest = (data[0], data[1:257]) if data else (0, b"")
    command = _COMMANDS[choice % len(_COMMANDS)]
    channel = _channel(is_lrp=bool(choice & 0x80))
    channel.wrap(command)
    if choice & 0x40:
        rest = rest[:248]
        answer = ResponseApdu(rest + channel._mac(0, rest), 0x9100)  # noqa: SLF001
    elif len(rest) >= 2:
        answer = ResponseApdu.from_bytes(rest)
    else:
        return
    try:
        channel.unwrap(command, answer)
    except Ntag424Error:
        if channel.is_alive:
            raise AssertionError("an answer that does not hold left the session open") from None


_LRP_KEYS = Lrp.pair(bytes(16))


def _channel(*, is_lrp: bool) -> SecureChannel:
    if is_lrp:
        return LrpChannel(0, b"\1\2\3\4", session_keys=_LRP_KEYS)
    return AesChannel(0, b"\1\2\3\4", enc_key=b"E" * 16, mac_key=b"M" * 16)


def _ask_tag(data: bytes) -> None:
    """Send a tag the APDUs that *data* is cut into: a length, and so many bytes."""
    tag = SimulatedTag(
        uid=_UID,
        keys=[bytes(16)] * 5,
        ndef_file=b"",
        file_settings=bytes(FACTORY_SETTINGS[2]),
        random_bytes=bytes,
    )
    rest = data
    for _ in range(16):
        if not rest:
            return
        apdu, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        if len(tag.exchange(apdu)) < 2:
            raise AssertionError("a tag answers with a status word at least")


def _sequence(*apdus: str) -> bytes:
    return b"".join(
        bytes((len(apdu) // 2,)) + bytes.fromhex(apdu.replace(" ", "")) for apdu in apdus
    )


_SELECT = "00A4040C07D276000085010100"


def _tapped(template: UrlTemplate, mode: Mode) -> bytes:
    tamper = TamperStatus.CLOSED if "tt" in template.text else None
    return tap_source(template, _KEYS, _UID, mode=mode, tamper=tamper).tap().encode()


_URLS = tuple(_tapped(template, mode) for template in _TEMPLATES for mode in Mode)
_AES_URLS = tuple(_tapped(template, Mode.AES) for template in _TEMPLATES)

_LOGS = tuple(
    text.encode()
    for text in (
        "--> 90 60 00 00 00\n<-- 04 04 02 30 00 11 05 91 AF",
        "[144, 96, 0, 0, 0]\n([], 145, 28)\n< [] 91 0",
        "===> 0000  90 60 00 00 00   |.`...|\nNxpNciX : len =   8 > 0000059060000000",
        " 0 | 1 | Rdr |02  90  60  00  00  00  14  98 |  ok | \n   |   |     |91  af | |",
        "[usb] pm3 --> hf 14a raw -sck 029060000000\n[+] 02 91 AF [ 12 34 ]",
        "Outgoing APDU (5 bytes):\n90 60 00 00 00 .`...\nTX: 00 00 ff 04 fc d4 40 01 90 5b 00",
    )
)


def _read_log(data: bytes) -> None:
    read_log(data.decode("utf-8", "replace"))


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
    "file-settings": Target(
        _read_settings,
        (
            bytes.fromhex("0000E0EE000100"),
            bytes.fromhex("0040EEEE000100D1FE001F00004400004400002000006A0000"),
            bytes.fromhex("0040E0EE000100F9FFE20A00001E00003200006400006E0000400000C80000341200"),
        ),
    ),
    "apdu-log": Target(_read_log, _LOGS, limit=0.05),
    "ndef": Target(_read_ndef, (uri_file(4, b"a/t?x"), b"\0\0", uri_file(0, b"urn:x") + b"\0")),
    "unwrap": Target(
        _unwrap_answer,
        tuple(bytes((choice,)) + bytes(32) + b"\x91\0" for choice in (0, 0x43, 0x83, 0xC3)),
        limit=0.05,
    ),
    "tag": Target(
        _ask_tag,
        (
            _sequence("9060000000", "90AF000000", "90AF000000", _SELECT, "90F50000010200"),
            _sequence(_SELECT, "9071000002000000", "90AF000020" + "00" * 32 + "00"),
            _sequence(_SELECT, "00A4000C02E10400", "00B0000000", "00D60000020102"),
            _sequence(_SELECT, "905F0000040200E0EE00", "90AD0000070200000000000000"),
        ),
        limit=0.1,
    ),
}
