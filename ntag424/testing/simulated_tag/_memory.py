"""What the chip keeps without power (NT4H2421Gx §8.2, §8.2.5, §10.5.1).

One frozen value: a command that writes puts a whole new one in its place, so that a
loss of power finds either all of its effects or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from ntag424.testing.simulated_tag._file_system import TagFile
from ntag424.testing.simulated_tag._sdm_model import Chip
from ntag424.testing.simulated_tag._suites import AesSuite, LrpSuite, Suite
from ntag424.testing.simulated_tag._tamper import TamperLoop

KEY_LENGTH, SIGNATURE_LENGTH, UID_LENGTH = 16, 56, 7
_MAX_COUNTER = 0xFFFFFF
#: What GetVersion says at delivery: hardware, with and without TagTamper; software 1.2; and,
#: behind the UID, batch and FabKey (5), week (1) and year (1), here week 1 of 2024.
HARDWARE, HARDWARE_WITH_LOOP = bytes.fromhex("04040230001105"), bytes.fromhex("04040830001105")
SOFTWARE = bytes.fromhex("04040201021105")
PRODUCTION = bytes.fromhex("00000000000124")


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed authentications with one key (TotFailCtr, SeqFailCtr, SpentTimeCtr).

    *waited* is the part of the delay now due that has passed already, in milliseconds.
    """

    total: int = 0
    in_a_row: int = 0
    waited: int = 0


@dataclass(frozen=True, slots=True)
class FailureRule:
    """SetConfiguration option 0A: whether failures count, and when they lock the key.

    A key is locked from *limit* failures on; each success takes *decrement* off.
    """

    counted: bool = True
    limit: int = 1000
    decrement: int = 10

    def __post_init__(self) -> None:
        """Refuse a limit that would lock every key."""
        if self.limit == 0:
            raise ValueError("TotFailCtrLimit must be above 0")


@dataclass(frozen=True, slots=True)
class AppKey:
    """One application key of 16 bytes, its version byte and its failures."""

    value: bytes = field(repr=False)
    version: int = 0
    failures: Failures = Failures()

    def __post_init__(self) -> None:
        """Refuse a key of another length, and a version of more than a byte."""
        if len(self.value) != KEY_LENGTH:
            raise ValueError("every AppKey has 16 bytes")
        if not 0 <= self.version <= 0xFF:
            raise ValueError(f"a key version is one byte, not {self.version}")


@dataclass(frozen=True, slots=True)
class Memory:
    """The non-volatile memory of one chip.

    *signature* (56) answers Read_Sig, *files* are the three by number, *read_counter* is
    SDMReadCtr, *user_capabilities* are PDCap2.5 || PDCap2.6, *tamper* is None on a chip
    without TagTamper. GetVersion answers with *hardware* (7), *software* (7), the UID and
    *production* (7 or 8); *hardware* does not tell the back modulation.

    Raises:
        ValueError: a length is wrong, or SDMReadCtr does not fit.
    """

    uid: bytes
    keys: tuple[AppKey, ...]
    files: Mapping[int, TagFile] = field(repr=False)
    signature: bytes = field(default=bytes(SIGNATURE_LENGTH), repr=False)
    read_counter: int = 0
    lrp: bool = False
    random_id: bool = False
    user_capabilities: bytes = bytes(2)
    chained_writing: bool = True
    failure_rule: FailureRule = FailureRule()
    strong_back_modulation: bool = True
    tamper: TamperLoop | None = None
    hardware: bytes = HARDWARE
    software: bytes = SOFTWARE
    production: bytes = PRODUCTION

    def __post_init__(self) -> None:
        """Refuse what no chip can hold."""
        if len(self.uid) != UID_LENGTH:
            raise ValueError(f"a UID has 7 bytes, not {len(self.uid)}")
        if len(self.keys) != 5:
            raise ValueError(f"a tag has five AppKeys, not {len(self.keys)}")
        if len(self.signature) != SIGNATURE_LENGTH:
            raise ValueError(f"a signature has 56 bytes, not {len(self.signature)}")
        if len(self.user_capabilities) != 2:
            raise ValueError("PDCap2.5 and PDCap2.6 are 2 bytes")
        if not 0 <= self.read_counter <= _MAX_COUNTER:
            raise ValueError(f"SDMReadCtr has 24 bits, {self.read_counter} does not fit")
        if (len(self.hardware), len(self.software)) != (7, 7):
            raise ValueError("GetVersion has 7 bytes of hardware and 7 of software")
        if len(self.production) not in (7, 8):
            raise ValueError("GetVersion has 7 or 8 bytes of production data behind the UID")

    def require_counter_below_limit(self) -> None:
        """Refuse a counter that no chip can have reached.

        Raises:
            ValueError: SDMReadCtr lies above its limit.
        """
        for file in self.files.values():
            limit = None if file.settings.sdm is None else file.settings.sdm.counter_limit
            if limit is not None and self.read_counter > limit:
                raise ValueError(
                    f"SDMReadCtr {self.read_counter} cannot be above SDMReadCtrLimit {limit}"
                )

    @property
    def suite(self) -> Suite:
        """The ciphers that SDM works with."""
        return LrpSuite() if self.lrp else AesSuite()

    @property
    def chip(self) -> Chip:
        """What the rules for file settings depend on."""
        return Chip(self.suite.picc_data_characters, has_tamper_loop=self.tamper is not None)

    @property
    def capabilities(self) -> bytes:
        """PDCap2 (6): bit 1 of the first byte says LRP, the last two are the user's."""
        return bytes([0x02 if self.lrp else 0, 0, 0, 0]) + self.user_capabilities

    def with_key(self, number: int, key: AppKey) -> Self:
        """Give this memory with another key *number*."""
        return replace(self, keys=(*self.keys[:number], key, *self.keys[number + 1 :]))

    def with_file(self, number: int, file: TagFile) -> Self:
        """Give this memory with another file *number*."""
        return replace(self, files={**self.files, number: file})
