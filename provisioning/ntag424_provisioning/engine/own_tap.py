"""The tag's own tap as evidence: which key made it can be told offline, at no attempt.

The tag's settings say where its mirrors are, so this takes no template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ntag424 import Generation, Key, Keyring, MalformedTapError, TapMacError, Uid
from ntag424.keys import KeyScheme, StaticKeys
from ntag424.model import EncryptedMirror, Mode
from ntag424.model.files import SdmBlock
from ntag424.sdm import TapMessage, verify
from ntag424_provisioning.engine.observe import Observation
from ntag424_provisioning.model.image import NDEF_FILE

_FACTORY = StaticKeys(file_read=Key(bytes(16)), meta_read=Key(bytes(16)))
_PICC_DATA = {Mode.AES: 32, Mode.LRP: 48}
_HEX = re.compile(rb"(?:[0-9A-F]{2})+")


@dataclass(frozen=True, slots=True)
class OwnTap:
    """The MAC held: this is the tag, and this key makes its MACs."""

    uid: Uid
    mode: Mode
    counter: int
    #: The key version and epoch of the MAC key; None if it is the factory's.
    generation: Generation | None


def own_tap(observation: Observation, keyring: Keyring) -> OwnTap | None:
    """Find the key under which the tap in *observation* verifies; None if no known one."""
    settings = observation.settings[NDEF_FILE]
    if settings is None or settings.sdm is None:
        return None
    for message in _messages(observation.ndef, settings.sdm):
        for generation, scheme in _candidates(observation, keyring, settings.sdm):
            found = _verified(message, scheme, generation)
            if found is not None:
                return found
    return None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Keys of a tag between two lives: PICCData under one scheme, the MAC under another."""

    meta: KeyScheme
    mac: KeyScheme

    @property
    def file_read_number(self) -> int:
        """See `KeyScheme`."""
        return self.mac.file_read_number

    @property
    def meta_read_number(self) -> int | None:
        """See `KeyScheme`."""
        return self.meta.meta_read_number

    @property
    def epochs(self) -> range:
        """See `KeyScheme`."""
        return self.mac.epochs

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme`."""
        return self.mac.tag_key(uid, key_number, epoch)

    def meta_read_key(self) -> Key:
        """See `KeyScheme`."""
        return self.meta.meta_read_key()


def _candidates(
    observation: Observation, keyring: Keyring, block: SdmBlock
) -> Iterator[tuple[Generation | None, KeyScheme]]:
    schemes = [version.scheme for version in keyring]
    metas = [_FACTORY, *(one for one in schemes if one.meta_read_number is not None)]
    if block.meta_read is None:
        metas = [_FACTORY]  # PICCData is not encrypted: its key is not asked for
    for meta in metas:
        yield None, _Pair(meta, _FACTORY)
        for version in keyring:
            for epoch in _epochs(observation, version.scheme):
                yield Generation(version.ordinal, epoch), _Pair(meta, version.scheme)


def _epochs(observation: Observation, scheme: KeyScheme) -> Iterable[int]:
    """Give the epoch that the MAC key's version byte tells; where it tells none, all."""
    told = observation.key_versions[scheme.file_read_number]
    return scheme.epochs if told is None else {told, 0}.intersection(scheme.epochs)


def _verified(
    message: TapMessage, scheme: KeyScheme, generation: Generation | None
) -> OwnTap | None:
    try:
        tap = verify(message, scheme, generation=generation or Generation())
    except (TapMacError, MalformedTapError):
        return None
    if tap.uid is None or tap.read_counter is None:
        return None
    return OwnTap(tap.uid, tap.mode, tap.read_counter, generation)


def _messages(ndef: bytes, block: SdmBlock) -> Iterator[TapMessage]:
    """Cut the message out of the file; without PICCData its mode cannot be seen."""
    if block.secured is None:
        return
    mac = _unhex(ndef, block.secured.mac_offset, 16)
    mac_input = ndef[block.secured.mac_input_offset : block.secured.mac_offset]
    mirror = block.mirror
    if mac is None or mirror is None:
        return
    for mode in Mode:
        if isinstance(mirror, EncryptedMirror):
            picc_data = _unhex(ndef, mirror.picc_data_offset, _PICC_DATA[mode])
            if picc_data is not None:
                yield TapMessage(picc_data=picc_data, mac=mac, mac_input=mac_input)
        elif mirror.uid_offset is not None and mirror.read_counter_offset is not None:
            uid = _unhex(ndef, mirror.uid_offset, 14)
            counter = _unhex(ndef, mirror.read_counter_offset, 6)
            if uid is not None and counter is not None:
                number = int.from_bytes(counter, "big")
                yield TapMessage(
                    uid=uid, read_counter=number, mac=mac, mac_input=mac_input, mode=mode
                )


def _unhex(content: bytes, offset: int, length: int) -> bytes | None:
    digits = content[offset : offset + length]
    whole = len(digits) == length and _HEX.fullmatch(digits)
    return bytes.fromhex(digits.decode()) if whole else None
