"""SDMMAC verification (NT4H2421Gx §9.3, AN12196 §3.4)."""

from __future__ import annotations

from hmac import compare_digest

from ntag424.errors import MalformedTapError, TapMacError
from ntag424.keys import Keyring, KeyScheme
from ntag424.model import Generation, PiccDataTag, TamperStatus, Uid
from ntag424.sdm._message import TapMessage
from ntag424.sdm._modes import SESSIONS
from ntag424.sdm._session import SdmSession
from ntag424.sdm._tap import VerifiedTap

_NO_KEYRING = Generation()
# Where in PICCData [UID] || [SDMReadCtr] stand, by what PICCDataTag announces.
_SHOWN = {
    PiccDataTag.UID_AND_COUNTER.value: slice(1, 11),
    PiccDataTag.UID.value: slice(1, 8),
    PiccDataTag.COUNTER.value: slice(1, 4),
}
# Keys of tags that do not show their UID cannot depend on it.
_NO_UID = bytes(7)


def verify(
    message: TapMessage, keys: KeyScheme, *, generation: Generation = _NO_KEYRING
) -> VerifiedTap:
    """Check *message* against the keys of one scheme.

    *generation* says under which key version the scheme is known and which epoch
    the tag is in; the scheme derives the tag's key for that epoch.

    Raises:
        TapMacError: the MAC does not hold.
        MalformedTapError: it holds, but where the tamper status should be is none.
        ValueError: the scheme has no such epoch, or no meta-read key for PICCData.

    """
    return _confirm(message, keys, generation, is_accepted=True)


def verify_named(message: TapMessage, keyring: Keyring, named: Generation) -> VerifiedTap:
    """Check *message* against the one version and epoch of *keyring* that its URL names.

    A version that is unknown or retired, and an epoch that its scheme does not have,
    cost exactly what a wrong MAC costs, so the time does not tell which ones there are.

    Raises:
        TapMacError: they are not accepted, or the MAC does not hold.
        MalformedTapError: it holds, but where the tamper status should be is none.
        ValueError: the version has no meta-read key for PICCData.

    """
    scheme, generation, is_accepted = keyring.named(named)
    return _confirm(message, scheme, generation, is_accepted=is_accepted)


def verify_any(message: TapMessage, keyring: Keyring) -> VerifiedTap:
    """Check *message* against every accepted version of *keyring*, at epoch 0.

    All of them are always computed, so the time does not tell which one matched.

    Raises:
        TapMacError: none confirms it.
        MalformedTapError: one does, but where the tamper status should be is none.
        ValueError: the keyring has too many candidates, or one without a meta-read
            key for PICCData.

    """
    found = [
        _verified_by(message, version.scheme, version.ordinal) for version in keyring.candidates
    ]
    for tap in found:
        if tap is not None:
            return tap
    raise TapMacError


def _confirm(
    message: TapMessage, keys: KeyScheme, generation: Generation, *, is_accepted: bool
) -> VerifiedTap:
    mode = message.sdm_mode
    session_type = SESSIONS[mode]
    plausible, shown = _identity(message, keys, session_type)
    uid, counter = (shown[:7], shown[7:]) if len(shown) >= 7 else (None, shown)
    key = keys.tag_key(uid or _NO_UID, keys.file_read_number, generation.epoch)
    session = session_type(key, shown)
    # No short cut for implausible PICCData or stand-in keys: all failures take the same time.
    holds = compare_digest(session.mac(message.mac_input), message.mac)
    if not holds & plausible & is_accepted:
        raise TapMacError
    known_uid = None if uid is None else Uid(uid)
    read_counter = int.from_bytes(counter, "little") if counter else None
    if message.is_bare:
        return VerifiedTap(known_uid, read_counter, generation, mode)
    file_data = _file_data(message, session, shown)
    tamper = _tamper(message, file_data)
    return VerifiedTap(known_uid, read_counter, generation, mode, file_data, tamper)


def _verified_by(message: TapMessage, scheme: KeyScheme, ordinal: int) -> VerifiedTap | None:
    try:
        return verify(message, scheme, generation=Generation(ordinal))
    except TapMacError:
        return None


def _identity(
    message: TapMessage, keys: KeyScheme, session_type: type[SdmSession]
) -> tuple[bool, bytes]:
    """Return whether the message is plausible, and [UID (7)] || [SDMReadCtr (3, LSB first)]."""
    if message.picc_data is None:
        return True, message.plain_identity
    plain = session_type.open_picc_data(keys.meta_read_key(), message.picc_data)
    place = _SHOWN.get(plain[0])
    return (False, plain[1:11]) if place is None else (True, plain[place])


def _file_data(message: TapMessage, session: SdmSession, shown: bytes) -> bytes | None:
    encrypted = message.encrypted_file_data
    # A chip encrypts only where it shows UID and counter, and the MAC covers the result.
    if encrypted is None or len(shown) != 10:
        return None
    if encrypted.hex().upper().encode() not in message.mac_input:
        return None
    return session.open_file_data(encrypted)


def _tamper(message: TapMessage, file_data: bytes | None) -> TamperStatus | None:
    if message.tamper_at is None:
        covered = message.tamper is not None and bytes(message.tamper) in message.mac_input
        return message.tamper if covered else None
    if file_data is None:
        return None
    try:
        return TamperStatus.from_bytes(file_data[message.tamper_at : message.tamper_at + 2])
    except ValueError as error:
        raise MalformedTapError("the tag mirrors no tamper status where one is due") from error
