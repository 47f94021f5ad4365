"""What can be wrong with a URL or with the tag it comes from: a closed set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique


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
    FACTORY_KEYS = "Provision the tag."
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
    #: The MAC stands elsewhere.
    MAC_SHIFTED = "Set SDMMACOffset from the template's layout."
    #: The MAC covers more than the template says.
    MAC_WINDOW_EARLY = "Set SDMMACInputOffset from the layout, or move {mac-input} forward to it."
    #: The MAC covers less than the template says, or nothing.
    MAC_WINDOW_LATE = "Set SDMMACInputOffset from the layout, or move {mac-input} back to it."

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
