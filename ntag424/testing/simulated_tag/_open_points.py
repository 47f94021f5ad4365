"""What the data sheet leaves open, decided once for the simulated tag.

`docs/reference/open-points.md` lists the sources of each, and the answers that rest on one
source alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ntag424.apdu import Status
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

    *update_takes_le*: may ISOUpdateBinary end in an Le? AN12196 table 17 prints one, the
    data sheet's table 22 has none, and tags answered 6700.

    *authentication_at_master_file*: what AuthenticateFirst is answered before the
    application was selected. A tag said 911C; at that level the data sheet has 919D for
    other commands.

    *native_parameters_refusal*: what P1 or P2 other than 00 is answered in a native command.

    *native_length_refusal*: what an Lc is answered that does not fit the bytes that follow.

    *native_le_is_due*: is a native command without Le refused (917E)?

    *read_beyond_the_end*: what ReadData is answered beyond the end of the file. The data
    sheet's table 23 has 91BE for reading, its table 80 for this command has not.

    *long_reads_are_cut*: does ISOReadBinary give what is left where Le asks for more? The
    data sheet's table 87 says so, its table 24 has 6Cxx.
    """

    select_ends_session: bool = True
    short_file_ids: tuple[int, int, int] | None = None
    configuration_is_confirmed: bool = True
    secure_messaging_order: Literal["little", "big"] = "little"
    free_counters_mode: Literal[CommMode.MAC, CommMode.FULL] = CommMode.FULL
    counter_starts_again: bool = False
    update_takes_le: bool = False
    authentication_at_master_file: Literal[
        Status.ILLEGAL_COMMAND_CODE, Status.PERMISSION_DENIED
    ] = Status.ILLEGAL_COMMAND_CODE
    native_parameters_refusal: Literal[
        Status.ISO_WRONG_PARAMETERS, Status.PARAMETER_ERROR, Status.LENGTH_ERROR
    ] = Status.ISO_WRONG_PARAMETERS
    native_length_refusal: Literal[Status.LENGTH_ERROR, Status.ISO_WRONG_LENGTH] = (
        Status.LENGTH_ERROR
    )
    native_le_is_due: bool = True
    read_beyond_the_end: Literal[Status.BOUNDARY_ERROR, Status.PARAMETER_ERROR] = (
        Status.BOUNDARY_ERROR
    )
    long_reads_are_cut: bool = False
