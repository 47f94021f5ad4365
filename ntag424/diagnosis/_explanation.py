"""The answer: does it verify, under what would it, and what is the difference."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.diagnosis._problem import Finding
from ntag424.keys import KeyState
from ntag424.model import EncryptedMirror, Mode, SdmSettings, Uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Under what the MAC holds. It names keys, and never contains one."""

    #: Index of the candidate whose template this was found with.
    candidate: int
    #: Index of the candidate in whose keyring the MAC key, or its master, is; None for
    #: keys that everybody knows.
    keyring: int | None
    #: Class of the key scheme, "PlainCmacKeys" for an AES-CMAC taken for AN10922; None
    #: for a raw key, such as the factory's.
    scheme: str | None
    #: Ordinal of the key version; None for keys that everybody knows.
    key_version: int | None
    state: KeyState | None
    #: None where the key does not depend on it.
    epoch: int | None
    #: Key number, 0 to 4, that the MAC key was made for; None where it is the same for all.
    file_read_number: int | None
    #: The same of the key that opened PICCData; None also without PICCData.
    meta_read_number: int | None
    mode: Mode
    uid: Uid | None
    #: 0 to FFFFFFh.
    read_counter: int | None
    #: What the tag's SDM settings must be (NT4H2421Gx §10.7.1), as far as a URL tells:
    #: offsets in bytes from the start of the NDEF file.
    sdm: SdmSettings

    def __str__(self) -> str:
        return f"{self._key_line()}\n{self._tag_line()}\n{self._offset_line()}"

    def _key_line(self) -> str:
        parts = [
            "a key that everybody knows"
            if self.key_version is None
            else f"key version {self.key_version} of candidate {self.keyring}"
        ]
        if self.state is not None:
            parts.append(self.state.value)
        parts.append("a raw key" if self.scheme is None else self.scheme)
        if self.epoch is not None:
            parts.append(f"epoch {self.epoch}")
        if self.file_read_number is not None:
            parts.append(f"MAC key of slot {self.file_read_number}")
        if self.meta_read_number is not None:
            parts.append(f"PICCData key of slot {self.meta_read_number}")
        return "Key: " + ", ".join(parts) + "."

    def _tag_line(self) -> str:
        uid = "not shown" if self.uid is None else str(self.uid)
        counter = "not shown" if self.read_counter is None else str(self.read_counter)
        return f"Tag: {self.mode.upper()} mode, UID {uid}, read counter {counter}."

    def _offset_line(self) -> str:
        mirror = self.sdm.mirror
        if isinstance(mirror, EncryptedMirror):
            identity = f"PICCData at {mirror.picc_data_offset}"
        else:
            offsets = (("UID", mirror.uid_offset), ("counter", mirror.read_counter_offset))
            identity = ", ".join(f"{name} at {at}" for name, at in offsets if at is not None)
        return (
            f"File: {identity}, MAC input from {self.sdm.mac_input_offset}, "
            f"MAC at {self.sdm.mac_offset}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What `explain` found out; `str()` of it is a text of several lines for operators.

    It contains no key and no MAC. It does name the UID and counter of the tag.
    """

    #: Whether a candidate accepts the URL exactly as it was given.
    verifies: bool
    #: Why none does; empty if and only if one does.
    findings: tuple[Finding, ...] = ()
    #: Under what the MAC holds, perhaps that of the URL as it was before it was changed;
    #: None if nothing was found.
    evidence: Evidence | None = None
    #: False where nothing was found before the search was cut short.
    complete: bool = True

    def __str__(self) -> str:
        lines = [self._headline()]
        if self.evidence is not None:
            lines.append(str(self.evidence))
        lines.extend(f"- {finding.text} {finding.hint}" for finding in self.findings)
        if not self.complete:
            lines.append(
                "The search was cut short; fewer candidates at a time allow a deeper one."
            )
        return "\n".join(lines)

    def _headline(self) -> str:
        if self.verifies:
            return "The URL verifies."
        if self.evidence is not None:
            return "The URL does not verify, but its MAC was found to hold as follows."
        return "The URL does not verify, and nothing that was tried makes its MAC hold."
