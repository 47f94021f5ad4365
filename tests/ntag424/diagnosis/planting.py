"""Tags that were set up wrongly, and the URLs they send."""

from __future__ import annotations

from dataclasses import dataclass, field

from ntag424 import (
    Generation,
    Key,
    Keyring,
    KeyState,
    KeyVersion,
    Mode,
    Uid,
    UrlTemplate,
    Verifier,
)
from ntag424.keys import An10922Keys, HkdfKeys, StaticKeys
from ntag424.model import EncryptedFileData, EncryptedMirror, PlainMirror, SdmSettings
from ntag424.model.files import SdmAccess, SdmBlock
from ntag424.testing import SimulatedTag, TapSource

UNSTATED = Generation()
UID = Uid.from_hex("04DE5F1EACC040")
MASTER, OTHER = Key(bytes(range(0x10, 0x20))), Key(bytes(range(0x40, 0x50)))
META, FILE = Key(b"meta-key-meta-ky"), Key(b"file-key-file-ky")
ZEROS = Key(bytes(16))
BOLTCARD_EXAMPLE = Key(bytes(15) + b"\x01")

ENCRYPTED = UrlTemplate("https://id.example.com/t?p={picc}&m={mac}")
NAMED = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
PLAIN = UrlTemplate("https://id.example.com/t?u={uid}&c={ctr}&m={mac}")
WINDOWED = UrlTemplate("https://id.example.com/t?p={picc}&{mac-input}shop=7&m={mac}")
TEMPLATES = {"encrypted": ENCRYPTED, "named": NAMED, "plain": PLAIN, "windowed": WINDOWED}

AN10922, HKDF = An10922Keys(MASTER), HkdfKeys(MASTER)
STATIC = StaticKeys(file_read=FILE, meta_read=META)

# FileOption with SDM on or off, and access rights: read free, the rest with key 0.
_SDM_ON, _SDM_OFF, _RIGHTS = b"\x40", b"\x00", bytes.fromhex("00E0")


def scheme_keys(scheme, *, uid=UID, epoch=0):
    """Return the five keys of a tag that was provisioned as the scheme says."""
    keys = []
    for number in range(5):
        try:
            keys.append(bytes(scheme.tag_key(uid, number, epoch)))
        except ValueError:
            keys.append(bytes(16))
    if scheme.meta_read_number is not None:
        keys[scheme.meta_read_number] = bytes(scheme.meta_read_key())
    return keys


def exchanged(keys, one, other):
    keys = list(keys)
    keys[one], keys[other] = keys[other], keys[one]
    return keys


@dataclass(frozen=True, kw_only=True)
class Tag:
    """One tag as somebody set it up; everything may be wrong."""

    template: UrlTemplate = ENCRYPTED
    keys: list = field(default_factory=lambda: scheme_keys(AN10922))
    generation: Generation = UNSTATED
    file_read: int = 2
    meta_read: int = 1
    mode: Mode = Mode.AES
    #: The mode that the offsets are made for; None for that of the tag.
    layout_mode: Mode | None = None
    #: Added to SDMMACInputOffset, SDMMACOffset, and the offsets of the mirrors.
    mac_input_by: int = 0
    mac_by: int = 0
    identity_by: int = 0
    file_by: int = 0
    #: Whether UID and counter are in the clear or encrypted, where the template differs.
    mirror: object = None
    #: Bytes of the file to replace.
    rewrite: tuple = (b"", b"")
    sdm_on: bool = True
    counter: int = 7

    def url(self):
        """Tap the tag once."""
        layout = self.template.layout(self.generation, mode=self.layout_mode or self.mode)
        settings = self._settings(layout.sdm)
        access = SdmAccess(
            self.file_read,
            self.meta_read if isinstance(settings.mirror, EncryptedMirror) else None,
        )
        ndef_file = (
            layout.ndef_file.replace(*self.rewrite) if self.rewrite[0] else layout.ndef_file
        )
        tag = SimulatedTag(
            uid=UID,
            keys=self.keys,
            ndef_file=with_lengths(ndef_file),
            file_settings=_SDM_ON + _RIGHTS + bytes(SdmBlock.of(settings, access))
            if self.sdm_on
            else _SDM_OFF + _RIGHTS,
            random_bytes=lambda count: bytes(range(0xA0, 0xA0 + count)),
            read_counter=self.counter - 1,
            lrp=self.mode is Mode.LRP,
        )
        return TapSource(tag).tap()

    def _settings(self, due):
        return SdmSettings(
            self.mirror or self._moved(due.mirror),
            due.mac_input_offset + self.mac_input_by,
            due.mac_offset + self.mac_by,
            self._moved_file_data(due.encrypted_file_data),
        )

    def _moved_file_data(self, due):
        return None if due is None else EncryptedFileData(due.offset + self.file_by, due.length)

    def _moved(self, mirror):
        if isinstance(mirror, EncryptedMirror):
            return EncryptedMirror(mirror.picc_data_offset + self.identity_by, mirror.tag)
        return PlainMirror(
            mirror.uid_offset + self.identity_by, mirror.read_counter_offset + self.identity_by
        )


def with_lengths(ndef_file):
    """Set NLEN and payload length to those of the text."""
    size = len(ndef_file) - 2
    return size.to_bytes(2, "big") + ndef_file[2:4] + bytes((size - 4,)) + ndef_file[5:]


def verifier(template=ENCRYPTED, scheme=AN10922, *, mode=Mode.AES):
    return Verifier(template, Keyring.single(scheme), mode=mode)


def rotated(template=NAMED, state=KeyState.ACCEPTING):
    """Make a verifier with an old version 1 and an active version 2, of other masters."""
    versions = [KeyVersion(1, An10922Keys(OTHER), state), KeyVersion(2, AN10922)]
    return Verifier(template, Keyring(versions))
