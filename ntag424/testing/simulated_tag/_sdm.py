"""Mirroring: the NDEF file as the tag delivers it (NT4H2421Gx §9.3.4 to §9.3.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ntag424.testing.simulated_tag._sdm_model import EncryptedMirror, PlainMirror, Sdm, SecuredRead
from ntag424.testing.simulated_tag._suites import Session, SessionInput, Suite

_TAG_UID, _TAG_COUNTER = 0x80, 0x40
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """What a tag puts into its mirrors, and how.

    7-byte UID, five AppKeys, its random source, its ciphers, and what measures
    the tamper loop: TTPermStatus || TTCurrStatus, 2 bytes on a TagTamper chip.
    """

    uid: bytes
    keys: Sequence[bytes] = field(repr=False)
    draw: Callable[[int], bytes] = field(repr=False)
    suite: Suite
    measure_loop: Callable[[], bytes]


def mirrored(file: bytes, sdm: Sdm, identity: Identity, read_counter: int) -> bytes:
    """Replace every placeholder that *sdm* names in *file*, and keep the length.

    If PICCData is mirrored, its padding is drawn once, and after it, in LRP
    mode, PICCRand. If the tamper status is mirrored, the loop is measured once.
    """
    content = bytearray(file)
    if isinstance(sdm.mirror, PlainMirror):
        _mirror_plain(content, sdm.mirror, identity.uid, read_counter)
    elif sdm.mirror is not None:
        _put(content, sdm.mirror.place.offset, _picc_data(sdm.mirror, identity, read_counter))
    if sdm.tamper is not None:
        # Raw, and before encryption: what lies in the plaintext half goes in with it.
        content[sdm.tamper.offset : sdm.tamper.end] = identity.measure_loop()
    if sdm.secured is not None:
        session = _session(sdm.secured, sdm.mirror, identity, read_counter)
        _mirror_secured(content, sdm.secured, session)
    # What impossible settings put behind the end of the file is not there.
    return bytes(content[: len(file)])


def _put(content: bytearray, offset: int, value: bytes) -> None:
    """Write *value* as upper-case hex characters."""
    content[offset : offset + 2 * len(value)] = value.hex().upper().encode("ascii")


def _mirror_plain(content: bytearray, plain: PlainMirror, uid: bytes, read_counter: int) -> None:
    if plain.uid_offset is not None:
        _put(content, plain.uid_offset, uid)
    if plain.counter_offset is not None:
        # The one place where the counter goes most significant byte first.
        _put(content, plain.counter_offset, read_counter.to_bytes(3, "big"))


def _picc_data(picc: EncryptedMirror, identity: Identity, read_counter: int) -> bytes:
    """Encrypt tag (1) [|| UID (7)] [|| SDMReadCtr (3 LE)] || random, 16 bytes."""
    plain = bytes([_TAG_COUNTER if picc.with_counter else 0])
    if picc.with_uid:
        plain = bytes([plain[0] | _TAG_UID | len(identity.uid)]) + identity.uid
    if picc.with_counter:
        plain += read_counter.to_bytes(3, "little")
    plain += identity.draw(_BLOCK - len(plain))
    return identity.suite.picc_data(identity.keys[picc.key_number], plain, identity.draw)


def _session(
    secured: SecuredRead,
    mirror: PlainMirror | EncryptedMirror | None,
    identity: Identity,
    read_counter: int,
) -> Session:
    counter = read_counter.to_bytes(3, "little")
    shown = identity.uid if mirror is not None and mirror.with_uid else b""
    # A counter that runs but is not shown stays out of the key: the verifier could not know it.
    shown += counter if mirror is not None and mirror.with_counter else b""
    made_for = SessionInput(identity.uid, counter, shown)
    return identity.suite.session(identity.keys[secured.key_number], made_for)


def _mirror_secured(content: bytearray, secured: SecuredRead, session: Session) -> None:
    if secured.encrypted is not None:
        half = secured.encrypted.first_half
        plain = bytes(content[half.offset : half.end])
        # Whole blocks, which any possible settings ask for.
        _put(content, half.offset, session.encrypt(plain[: len(plain) // _BLOCK * _BLOCK]))
    mac = session.cmac(bytes(content[secured.mac_input_offset : secured.mac_offset]))
    _put(content, secured.mac_offset, mac[1::2])
