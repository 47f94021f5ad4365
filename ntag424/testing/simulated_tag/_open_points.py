"""What the data sheet leaves open, decided once for the simulated tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ntag424.testing.simulated_tag._comm_mode import CommMode


@dataclass(frozen=True, slots=True)
class OpenPoints:
    """How the tag behaves where NXP's documents contradict each other or say nothing.

    The defaults are what a careful host has to expect; a host is right if it copes with
    the other answers too.

    *select_ends_session*: does ISOSelectFile drop the authentication? The data sheet is
    silent, and the commands of AN12196 tables 20 to 26 only work if it does not.

    *short_file_ids*: those of CC, NDEF and proprietary file in ISOReadBinary and
    ISOUpdateBinary. The data sheet gives none; (1, 2, 3) and (3, 4, 5) are both in use.

    *configuration_is_confirmed*: do SetConfiguration options 04, 07, 0A and 0B answer
    with a MAC? If not, they end the session.

    *secure_messaging_order*: the byte order of SMConfig in option 04.

    *free_counters_mode*: how GetFileCounters answers in a session if SDMCtrRet is free.

    *counter_starts_again*: does ChangeFileSettings reset SDMReadCtr although SDM was on
    already?
    """

    select_ends_session: bool = True
    short_file_ids: tuple[int, int, int] | None = None
    configuration_is_confirmed: bool = True
    secure_messaging_order: Literal["little", "big"] = "little"
    free_counters_mode: Literal[CommMode.MAC, CommMode.FULL] = CommMode.FULL
    counter_starts_again: bool = False
