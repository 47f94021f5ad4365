"""From the lines of a recovery sheet to key versions that are proven."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ntag424 import KeyState
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.vault._master_keys import MasterKeys
from ntag424_provisioning.vault._sheet_lines import Line, read_lines
from ntag424_provisioning.vault._versions import StoredVersion, Versions

_INCOMPLETE = "Type every line of the sheet that does not begin with a star."
_UNREADABLE = "is none of a recovery sheet"


@dataclass(slots=True)
class _Draft:
    """A version whose lines are still coming in."""

    ordinal: int
    state: KeyState
    scheme: str
    created_at: int
    octets: dict[str, bytes] = field(default_factory=dict, repr=False)
    #: How many lines of each member there were.
    parts: dict[str, int] = field(default_factory=dict)
    proof: str = ""

    def version(self) -> StoredVersion:
        """Make the version, if it is complete and its proof holds."""
        try:
            keys = MasterKeys.of_octets(self.scheme, self.octets)
        except ValueError as error:
            text = f"key version {self.ordinal} of the sheet is incomplete: {error}"
            raise SetupError(text, _INCOMPLETE) from None
        if not self.proof:
            raise SetupError(f"key version {self.ordinal} of the sheet has no proof", _INCOMPLETE)
        if self.proof != keys.fingerprint:
            text = f"the keys of version {self.ordinal} of the sheet do not fit their proof"
            raise SetupError(text, _INCOMPLETE)
        # Whoever brings the sheet has a backup of what is on it.
        return StoredVersion(self.ordinal, self.state, keys, self.created_at, is_backed_up=True)


class SheetReading:
    """Takes in a sheet line by line.

    Raises:
        SetupError: a line does not fit its checksum, or is none of a sheet.

    """

    def __init__(self, text: str) -> None:
        #: Of the vault that the sheet was printed from.
        self.vault_id = ""
        self._count = 0
        self._drafts: dict[int, _Draft] = {}
        for line in read_lines(text):
            self._take(line)

    def versions(self) -> Versions:
        """Return what was on the sheet, proven.

        Raises:
            SetupError: lines are missing, or keys do not fit their proof.

        """
        if not self.vault_id:
            raise SetupError("the sheet's first line is missing", _INCOMPLETE)
        if len(self._drafts) != self._count:
            text = f"the sheet has {self._count} key versions, and {len(self._drafts)} are here"
            raise SetupError(text, _INCOMPLETE)
        return tuple(draft.version() for draft in self._drafts.values())

    def _take(self, line: Line) -> None:
        match line.words:
            case ["SHEET", "1", "VAULT", *digits, "VERSIONS", count] if not self.vault_id:
                self.vault_id = _hex(line, digits).hex().upper()
                self._count = _number(line, count)
            case ["VERSION", ordinal, state, scheme, day]:
                self._begin(line, _number(line, ordinal), state, scheme, day)
            case [ordinal, "PROOF", *digits]:
                self._draft(line, ordinal).proof = _hex(line, digits).hex().upper()
            case [ordinal, member, part, *digits]:
                self._extend(line, self._draft(line, ordinal), member, part, digits)
            case _:
                raise line.wrong(_UNREADABLE)

    def _begin(self, line: Line, ordinal: int, state: str, scheme: str, day: str) -> None:
        try:
            begun = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
            draft = _Draft(
                ordinal, KeyState(state.lower()), scheme.lower(), int(begun.timestamp())
            )
        except ValueError:
            raise line.wrong(_UNREADABLE) from None
        if self._drafts.setdefault(ordinal, draft) is not draft:
            raise line.wrong("is there twice")

    def _draft(self, line: Line, ordinal: str) -> _Draft:
        draft = self._drafts.get(_number(line, ordinal))
        if draft is None:
            raise line.wrong("is of a key version that no line before it begins")
        return draft

    @staticmethod
    def _extend(line: Line, draft: _Draft, member: str, part: str, digits: list[str]) -> None:
        name = member.lower().replace("-", "_")
        due = draft.parts.get(name, 0) + 1
        if _number(line, part) != due:
            raise line.wrong("does not follow the one that belongs before it")
        draft.parts[name] = due
        draft.octets[name] = draft.octets.get(name, b"") + _hex(line, digits)


def _number(line: Line, word: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,2}", word):
        raise line.wrong(_UNREADABLE)
    return int(word)


def _hex(line: Line, words: list[str]) -> bytes:
    digits = "".join(words).replace("-", "")
    if not re.fullmatch("(?:[0-9A-F]{2})*", digits):
        raise line.wrong("has other characters than hex digits")
    return bytes.fromhex(digits)
