"""The recovery sheet: all master keys on paper, so that typing errors are found and located.

One line for each fact; lines that begin with a star are remarks. The QR code holds the same
lines, with slashes between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ntag424_provisioning.vault._master_keys import check_code
from ntag424_provisioning.vault._sheet_lines import compact, groups, with_checksum
from ntag424_provisioning.vault._sheet_reading import SheetReading
from ntag424_provisioning.vault._versions import StoredVersion, Versions

_BYTES_A_LINE = 16
_REMARKS = """\
* ntag424 recovery sheet, printed {today}
*
* Whoever reads this sheet can make taps of every tag; without it and without the vault no
* tag can be written again. Keep it under lock, and away from the machine with the vault.
*
* "ntag424 keys backup --confirm" asks for this check code once: {code}
* To use the sheet, type the lines without a star: "ntag424 keys restore FILE".
* The last four characters of a line are its checksum.
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a recovery sheet says; its `repr` shows no key."""

    #: 32 hex digits; of the vault that it was printed from.
    vault_id: str
    versions: Versions

    @property
    def check_code(self) -> str:
        """What `keys backup --confirm` asks for."""
        return check_code(version.keys for version in self.versions)

    def text(self, now: int) -> str:
        """Return what is printed at *now*, UNIX time in seconds."""
        remarks = _REMARKS.format(today=_day(now), code=self.check_code)
        return "\n".join((remarks, *map(with_checksum, self._lines()), ""))

    def qr_text(self) -> str:
        """Return what the QR code holds: nothing that would make it larger."""
        return "/".join(map(compact, self._lines()))

    def _lines(self) -> Iterator[str]:
        yield f"SHEET 1 VAULT {groups(self.vault_id)} VERSIONS {len(self.versions)}"
        for version in self.versions:
            yield from _version_lines(version)

    @classmethod
    def read(cls, text: str) -> Sheet:
        """Read what was typed, or what the QR code holds, and prove every key on it.

        Raises:
            SetupError: a line does not fit its checksum, or is missing, or keys do not
                fit their proof. It names the line, never what stands there.

        """
        reading = SheetReading(text)
        return cls(reading.vault_id, reading.versions())


def _version_lines(version: StoredVersion) -> Iterator[str]:
    ordinal, state, day = version.ordinal, version.state.value, _day(version.created_at)
    yield f"VERSION {ordinal} {state} {version.scheme_name} {day}".upper()
    for member, octets in version.keys.octets():
        name = member.name.replace("_", "-").upper()
        for number, part in enumerate(_parts(octets), start=1):
            yield f"{ordinal} {name} {number} {groups(part.hex().upper())}"
    yield f"{ordinal} PROOF {groups(version.fingerprint)}"


def _parts(octets: bytes) -> list[bytes]:
    starts = range(0, max(len(octets), 1), _BYTES_A_LINE)
    return [octets[start : start + _BYTES_A_LINE] for start in starts]


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
