"""The SDM block of the NDEF file's settings, whole (NT4H2421Gx §10.7.1).

Everything the chip takes has a value here, and nothing else has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ntag424.arguments import require_number, require_type
from ntag424.model.counter import MAX_READ_COUNTER
from ntag424.model.files._access import NEVER, Condition, nibble, require_condition
from ntag424.model.files._regions import Region, require_apart
from ntag424.model.mode import Mode
from ntag424.model.sdm_mirrors import (
    EncryptedFileData,
    EncryptedMirror,
    PiccMirror,
    PlainMirror,
    three,
)
from ntag424.model.sdm_settings import SdmSettings

_UID, _COUNTER, _LIMIT, _ENCRYPTED, _TAMPER, _ASCII = 0x80, 0x40, 0x20, 0x10, 0x08, 0x01
_FREE_NIBBLE = 0xE
#: SDMReadCtrOffset of a counter that runs without being mirrored.
NOT_MIRRORED = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class SdmAccess:
    """Which application keys, 0 to 4, make the mirrors."""

    #: SDMFileRead: makes the MAC.
    file_read: int
    #: SDMMetaRead: encrypts PICCData; none where UID and counter are plain.
    meta_read: int | None
    #: SDMCtrRet: who may read the counter by command.
    counter: Condition = NEVER


@dataclass(frozen=True, slots=True)
class ReadCounter:
    """SDMReadCtr is enabled: who may ask for it, and where it ends."""

    access: Condition = NEVER
    #: SDMReadCtrLimit, 1 to FFFFFFh.
    limit: int | None = None

    def __post_init__(self) -> None:
        require_condition(self.access)
        if self.limit is not None:
            require_number("limit", self.limit)
        if self.limit is not None and not 1 <= self.limit <= MAX_READ_COUNTER:
            raise ValueError("a limit of the read counter is 1 to FFFFFFh")


@dataclass(frozen=True, slots=True)
class SecuredRead:
    """SDMFileRead is a key: it makes SDMMAC, and perhaps SDMENCFileData."""

    file_read: int
    mac_input_offset: int
    mac_offset: int
    encrypted: EncryptedFileData | None = None

    def __post_init__(self) -> None:
        for name in ("file_read", "mac_input_offset", "mac_offset"):
            require_number(name, getattr(self, name))
        if self.file_read not in range(5):
            raise ValueError(f"application keys are numbered 0 to 4, not {self.file_read}")
        if self.mac_input_offset > self.mac_offset:
            raise ValueError("SDMMACInputOffset must not lie behind SDMMACOffset")
        if self.encrypted is None:
            return
        if self.encrypted.offset < self.mac_input_offset:
            raise ValueError("SDMENCFileData must not begin before SDMMACInputOffset")
        if self.encrypted.offset + self.encrypted.length > self.mac_offset:
            raise ValueError("SDMENCFileData must end before SDMMACOffset")

    def regions(self) -> Iterator[Region]:
        """List what is overwritten."""
        yield Region("SDMMAC", self.mac_offset, 16)
        if self.encrypted is not None:
            yield Region("SDMENCFileData", self.encrypted.offset, self.encrypted.length)


@dataclass(frozen=True, slots=True)
class SdmBlock:
    """One configuration of Secure Dynamic Messaging.

    *mirror* None means SDMMetaRead F: nothing of UID and counter is shown. *meta_read*
    is the key of encrypted PICCData, and None with anything else.

    Raises:
        ValueError: the chip would refuse it in AES mode; the sentence says why.

    """

    mirror: PiccMirror | None
    meta_read: int | None = None
    secured: SecuredRead | None = None
    counter: ReadCounter | None = None
    #: TTStatusOffset, on TagTamper chips.
    tamper_offset: int | None = None

    def __post_init__(self) -> None:
        if self.mirror is not None:
            instead = "PlainMirror(...) or EncryptedMirror(...)"
            require_type("mirror", self.mirror, (PlainMirror, EncryptedMirror), instead=instead)
        if (self.meta_read is not None) is not isinstance(self.mirror, EncryptedMirror):
            raise ValueError("a meta-read key goes with encrypted PICCData, and only with it")
        if self.meta_read is not None and self.meta_read not in range(5):
            raise ValueError(f"application keys are numbered 0 to 4, not {self.meta_read}")
        self._check_counter()
        self._check_file_data()
        self.require_room(Mode.AES)

    @classmethod
    def of(cls, settings: SdmSettings, access: SdmAccess, *, limit: int | None = None) -> SdmBlock:
        """Join a template's offsets and the keys; *limit* is the last read the tag answers.

        Raises:
            ValueError: the keys do not go with the mirrors.

        """
        counts = settings.mirror.tag.has_counter
        if not counts and (limit is not None or access.counter is not NEVER):
            raise ValueError("there is no counter that could be read, or end")
        return cls(
            mirror=settings.mirror,
            meta_read=access.meta_read,
            secured=SecuredRead(
                access.file_read,
                settings.mac_input_offset,
                settings.mac_offset,
                settings.encrypted_file_data,
            ),
            counter=ReadCounter(access.counter, limit) if counts else None,
            tamper_offset=settings.tamper_offset,
        )

    @property
    def has_uid(self) -> bool:
        """Whether UID mirroring is enabled."""
        return self.mirror is not None and self.mirror.has_uid

    def _check_counter(self) -> None:
        mirror, counts = self.mirror, self.counter is not None
        if isinstance(mirror, EncryptedMirror) and mirror.tag.has_counter is not counts:
            raise ValueError("encrypted PICCData holds the counter exactly if it is enabled")
        if isinstance(mirror, PlainMirror):
            if mirror.read_counter_offset is not None and not counts:
                raise ValueError("a counter that is not enabled cannot be mirrored")
            if not (mirror.has_uid or counts):
                raise ValueError("SDMMetaRead must be F where neither UID nor counter is enabled")

    def _check_file_data(self) -> None:
        encrypted = self.secured is not None and self.secured.encrypted is not None
        if encrypted and not (self.has_uid and self.counter is not None):
            raise ValueError("SDMENCFileData needs both UID and counter to be enabled")

    def require_room(self, mode: Mode) -> None:
        """Refuse mirrors that overlap or leave the file, on a chip in *mode*.

        Raises:
            ValueError: says which. In LRP mode PICCData has sixteen characters more.

        """
        regions = list(_mirrored(self.mirror, mode))
        regions += self.secured.regions() if self.secured is not None else []
        require_apart(regions)
        if self.tamper_offset is not None:
            self._check_tamper(Region("TTStatus", self.tamper_offset, 2), regions)

    def _check_tamper(self, tamper: Region, regions: list[Region]) -> None:
        for region in regions:
            if region.name in ("PICCData", "SDMMAC"):
                require_apart([tamper, region])
            if region.name == "SDMENCFileData" and tamper.overlaps(region):
                half = Region("its first half", region.offset, region.length // 2)
                if not half.holds(tamper):
                    raise ValueError(
                        "TTStatus lies in the first half of SDMENCFileData, or not in it"
                    )

    def __bytes__(self) -> bytes:
        """SDMOptions (1) || SDMAccessRights (2) || offsets (3 each), as far as they are due."""
        secured, counter = self.secured, self.counter
        encrypted = (
            b"" if secured is None or secured.encrypted is None else bytes(secured.encrypted)
        )
        return b"".join(
            (
                bytes((self._options,)),
                self._access,
                self._mirror_offsets,
                three(self.tamper_offset, None if secured is None else secured.mac_input_offset),
                encrypted,
                three(
                    None if secured is None else secured.mac_offset,
                    None if counter is None else counter.limit,
                ),
            )
        )

    @property
    def _options(self) -> int:
        secured, counter = self.secured, self.counter
        return (
            _ASCII
            | _UID * self.has_uid
            | _COUNTER * (counter is not None)
            | _LIMIT * (counter is not None and counter.limit is not None)
            | _ENCRYPTED * (secured is not None and secured.encrypted is not None)
            | _TAMPER * (self.tamper_offset is not None)
        )

    @property
    def _access(self) -> bytes:
        """RFU F | SDMCtrRet (1) || SDMMetaRead | SDMFileRead (1)."""
        never = NEVER.value
        meta_read = self.meta_read
        if meta_read is None:
            meta_read = never if self.mirror is None else _FREE_NIBBLE
        file_read = never if self.secured is None else self.secured.file_read
        counter = never if self.counter is None else nibble(self.counter.access)
        return bytes((never << 4 | counter, meta_read << 4 | file_read))

    @property
    def _mirror_offsets(self) -> bytes:
        if isinstance(self.mirror, PlainMirror) and self.counter is not None:
            counter_offset = self.mirror.read_counter_offset
            shown = NOT_MIRRORED if counter_offset is None else counter_offset
            return three(self.mirror.uid_offset, shown)
        return b"" if self.mirror is None else bytes(self.mirror)


def _mirrored(mirror: PiccMirror | None, mode: Mode) -> Iterator[Region]:
    """List what UID, counter or PICCData overwrite."""
    if isinstance(mirror, EncryptedMirror):
        yield Region("PICCData", mirror.picc_data_offset, 32 if mode == Mode.AES else 48)
    if isinstance(mirror, PlainMirror) and mirror.uid_offset is not None:
        yield Region("UID", mirror.uid_offset, 14)
    if isinstance(mirror, PlainMirror) and mirror.read_counter_offset is not None:
        yield Region("SDMReadCtr", mirror.read_counter_offset, 6)
