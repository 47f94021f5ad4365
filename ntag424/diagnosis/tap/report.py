"""The answer: does it verify, under what would it, and what is the difference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from ntag424.keys import KeyState
from ntag424.model import EncryptedMirror, Mode, PiccMirror, SdmSettings, Uid


@unique
class Problem(Enum):
    """One kind of mistake; the value says what to do about it, in one sentence."""

    # ---- what happened to the URL on its way --------------------------------------------
    #: White space around it or within it.
    WHITE_SPACE = "Copy the URL without the white space."
    #: Other text stands before it, for example a redirect.
    SURROUNDED = "Give only the tag's own URL."
    #: Percent-encoded, or with &amp; for &.
    ESCAPED = "Decode the URL once before it is verified."
    #: Not the template's http or https.
    SCHEME_DIFFERS = "Pass the URL on with the scheme that the template has, or fix the template."
    #: Not the template's host and port.
    HOST_DIFFERS = "Check that the URL went to the right service, or add a template for this host."
    #: Letters changed case.
    CASE_CHANGED = "Find out what changed the case of the URL and stop it; a tag sends upper case."
    #: The end is missing.
    TRUNCATED = "Open the tag's URL directly, instead of a copy that something cut off."
    #: Parameters or a fragment were added.
    APPENDED = "Remove what was added, or stop the tool that adds it."
    #: The template's parameters in another order.
    PARAMETERS_REORDERED = "Pass the query on as received, in its own order."
    #: The template's parameters under other names.
    PARAMETERS_RENAMED = "Bring template and tag into line: same names, to the letter."
    #: A field has too many or too few characters.
    FIELD_LENGTH = "Write the URL to the tag as the template's layout gives it."
    #: It differs from the template in a way that is none of the above.
    TEXT_DIFFERS = "Compare the URL with the template; perhaps it belongs to another one."
    #: Fields read as they were written: the tag mirrors nothing there.
    MIRRORS_UNTOUCHED = "Turn SDM on and set its offsets as the template's layout gives them."
    #: The template has a tamper status, and none stands there.
    TAMPER_STATUS_MISSING = "Set TTStatusOffset, or use a template without the tamper status."
    #: UID or counter in the clear has its bytes in reverse.
    MIRROR_REVERSED = "Leave UID and counter as the tag writes them, most significant byte first."

    # ---- which keys are on the tag ------------------------------------------------------
    #: Sixteen zero bytes: as delivered.
    FACTORY_KEYS = "Provision the tag, and trust none of its taps before: they prove nothing."
    #: A published key for development.
    DEVELOPMENT_KEYS = "Provision the tag with keys of your own: anybody can forge its taps."
    #: A master key itself, where a key derived from it is due.
    UNDIVERSIFIED_MASTER = "Write new keys, and treat the master as exposed: it is on a tag."
    #: The master is right, its derivation is another one.
    OTHER_SCHEME = "Give the keyring a version with this scheme, or provision the tag again."
    #: The key belongs into another slot.
    OTHER_SLOT = "Set SDMFileRead and SDMMetaRead to the slots of the scheme, or write their keys."
    #: Each of file-read and meta-read key stands where the other is due.
    KEYS_SWAPPED = "Exchange SDMFileRead and SDMMetaRead in the file settings, or the two keys."
    #: File-read and meta-read key are not of one origin.
    MIXED_KEYS = "Provision the tag again: it was left half-way between two sets of keys."
    #: The key version is in the keyring, and retired.
    RETIRED_VERSION = "Provision the tag again, or accept the version for a while longer."
    #: The URL names another key version than the one whose keys are on the tag.
    OTHER_VERSION = "Write the URL again with the right key version, or the keys that it names."
    #: The tag's keys are those of another epoch than the URL says.
    OTHER_EPOCH = "Write the URL again with the right epoch, or the keys of the one it names."
    #: The key belongs to the keyring of another candidate.
    OTHER_KEYRING = "Verify the tag with the keyring that its key is in."
    #: The key was derived for the UID with its bytes in reverse.
    UID_REVERSED_IN_KEY = "Derive keys from the UID as the tag reports it, and provision again."

    # ---- how the tag is set up ----------------------------------------------------------
    #: AES where LRP was assumed, or the other way round.
    OTHER_MODE = "Lay the template out for the mode of the tag, and verify in that mode."
    #: PICCData, UID or counter stand elsewhere.
    IDENTITY_SHIFTED = "Set the offsets of PICCData, UID and counter from the template's layout."
    #: The tag shows UID and counter otherwise: encrypted or not, both or one.
    IDENTITY_DIFFERS = "Use a template that mirrors what the tag mirrors, or change its settings."
    #: All offsets are wrong by the same number.
    OFFSETS_SHIFTED = "Count from the start of the NDEF file, as the template's layout does."
    #: SDMENCFileData stands elsewhere.
    FILE_DATA_SHIFTED = "Set SDMENCOffset from the template's layout."
    #: The MAC stands elsewhere.
    MAC_SHIFTED = "Set SDMMACOffset from the template's layout."
    #: The MAC covers more than the template says.
    MAC_WINDOW_EARLY = "Set SDMMACInputOffset from the layout, or move {mac-input} forward to it."
    #: The MAC covers less than the template says, or nothing.
    MAC_WINDOW_LATE = "Set SDMMACInputOffset from the layout, or move {mac-input} back to it."

    #: The MAC is made as no chip makes it.
    NOT_AS_A_CHIP = "Mend the program that made the URL: no tag did, and no verifier accepts it."

    # ---- what remains -------------------------------------------------------------------
    #: PICCData probably opens, and no known key makes the MAC.
    ONLY_PICC_DATA_OPENS = "Check the file-read key and its slot, and whether the URL was edited."
    #: Nothing that was tried makes the MAC.
    NO_MATCH = "Tap again; if that fails too, look for the keyring this tag was written with."


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, with what is particular to this URL. It holds no secret."""

    problem: Problem
    #: One sentence.
    text: str

    @property
    def hint(self) -> str:
        """What to do about it; one sentence."""
        return self.problem.value


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
        return (
            f"File: {_places(self.sdm.mirror)}, MAC input from {self.sdm.mac_input_offset}, "
            f"MAC at {self.sdm.mac_offset}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which tag a URL seems to come from, where no MAC confirms it."""

    uid: Uid
    #: 1 to FFFFFFh.
    read_counter: int
    #: Where it was read; offsets in bytes from the start of the NDEF file.
    mirror: PiccMirror
    #: Index of the candidate and ordinal of the key version whose meta-read key opens
    #: PICCData; None for the key that NXP delivers, and where UID and counter are in the clear.
    keyring: int | None
    key_version: int | None

    def __str__(self) -> str:
        who = f"UID {self.uid}, read counter {self.read_counter}"
        if not isinstance(self.mirror, EncryptedMirror):
            return f"Seen: {who} ({_places(self.mirror)} of the file); nothing confirms them."
        key = "the key that NXP delivers (16 zero bytes)"
        if self.key_version is not None:
            key = f"key version {self.key_version} of candidate {self.keyring}"
        return f"Seen: {_places(self.mirror)} of the file opens under {key}: {who}."


def _places(mirror: PiccMirror) -> str:
    if isinstance(mirror, EncryptedMirror):
        return f"PICCData at {mirror.picc_data_offset}"
    offsets = (("UID", mirror.uid_offset), ("counter", mirror.read_counter_offset))
    return ", ".join(f"{name} at {at}" for name, at in offsets if at is not None)


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
    #: Without evidence: which tag it seems to be; None if not even that is known.
    identity: Identity | None = None
    #: False where nothing was found before the search was cut short.
    complete: bool = True

    def __str__(self) -> str:
        lines = [self._headline()]
        if self.evidence is not None:
            lines.append(str(self.evidence))
        if self.identity is not None:
            lines.append(str(self.identity))
        lines.extend(f"- {finding.text} {finding.hint}" for finding in self.findings)
        if not self.complete:
            lines.append(
                "The search was cut short; fewer candidates at a time allow a deeper one."
            )
        return "\n".join(lines)

    def _headline(self) -> str:
        if self.verifies:
            return "The URL verifies."
        if any(finding.problem is Problem.FACTORY_KEYS for finding in self.findings):
            return (
                "The URL does not verify: its MAC holds only under the key that NXP delivers, "
                "with which anybody can make it."
            )
        if self.evidence is not None:
            return "The URL does not verify, but its MAC was found to hold as follows."
        return "The URL does not verify, and nothing that was tried makes its MAC hold."
