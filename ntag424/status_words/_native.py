"""The status words of native commands, by command and state (NT4H2421Gx §10.3).

Data, and nothing else. They come from the data sheet's list and its table of each
command. The first that fits counts, so the particular stand before the general.
"""

from __future__ import annotations

from ntag424.apdu import Status
from ntag424.status_words._meaning import ANY_KEY, MEMORY, Authentication, Meaning

_NOBODY = (Authentication.NOBODY,)
_OTHER = (Authentication.OTHER_KEY,)

#: Part 1 and part 2 of an authentication go by one name.
FIRST = ("AuthenticateEV2First", "AuthenticateLRPFirst")
NON_FIRST = ("AuthenticateEV2NonFirst", "AuthenticateLRPNonFirst")
_AUTHENTICATE = FIRST + NON_FIRST
_KEYLESS = ("GetCardUid", "GetFileCounters", "GetTTStatus", "Read_Sig", "ReadData")
_WITH_KEY_0 = ("ChangeKey", "SetConfiguration")

_SELECTING = "Select the application first: 00 A4 04 0C 07 D2 76 00 00 85 01 01 00."
_AGAIN = "Take the tag off the reader, lay it back, and authenticate again."
_NOT_AT_RANDOM = "Do not try other keys at random: failures add up and lock the key for good."
_APDU = 'With the log and the keys "ntag424 apdu" names the part that is wrong.'
_NOT_SELECTED = "the application is not selected, and at the chip's level this is not allowed"

NATIVE: tuple[Meaning, ...] = (
    # ---- native commands: done, or under way ------------------------------------------------
    Meaning(Status.OK, "done", ""),
    Meaning(Status.SIGNATURE_OK, "done: this is how Read_Sig says it", ""),
    Meaning(
        Status.ADDITIONAL_FRAME,
        "part 1 is done",
        "Send part 2 with AF, and nothing in between.",
        _AUTHENTICATE,
    ),
    Meaning(Status.ADDITIONAL_FRAME, "there is more to come", "Ask for the next frame with AF."),
    # ---- 910B, 910C: Read_Sig only ----------------------------------------------------------
    Meaning(
        Status.COMMAND_NOT_FOUND,
        "the signature is not given out here, or the MAC of the command is wrong",
        "Authenticate first, with any key: with random IDs the tag signs for nobody else.",
        ("Read_Sig",),
    ),
    Meaning(
        Status.COMMAND_NOT_FOUND,
        "the command is not there in this state",
        "Authenticate first, with any key.",
    ),
    Meaning(Status.COMMAND_FORMAT, "wrong length or address", "Ask for the signature at 00."),
    # ---- 911C -------------------------------------------------------------------------------
    Meaning(
        Status.ILLEGAL_COMMAND_CODE,
        "another program spoke to the tag between two of its three frames, or nothing is selected",
        "Keep the reader for one program, then ask for the version anew, all three frames.",
        ("GetVersion",),
    ),
    Meaning(
        Status.ILLEGAL_COMMAND_CODE,
        "the application is not selected, and the chip's level does not know this command",
        _SELECTING,
        selected=False,
    ),
    Meaning(
        Status.ILLEGAL_COMMAND_CODE,
        "the application is not selected, or another program spoke between part 1 and part 2",
        _SELECTING + " Keep the reader for one program.",
        _AUTHENTICATE,
    ),
    Meaning(
        Status.ILLEGAL_COMMAND_CODE,
        "this chip has no tamper loop, or the application is not selected",
        "Only NTAG 424 DNA TagTamper knows it: GetVersion tells which chip it is.",
        ("GetTTStatus",),
    ),
    Meaning(
        Status.ILLEGAL_COMMAND_CODE,
        "it does not know this command: nothing is selected, or it is no NTAG 424 DNA",
        _SELECTING + " If that does not help, GetVersion tells which chip it is.",
    ),
    # ---- 911E -------------------------------------------------------------------------------
    Meaning(
        Status.INTEGRITY_ERROR,
        "MAC, padding or checksum do not hold, and for keys 1 to 4 that means: the old key was "
        "wrong",
        "Nothing was written. Find out which key is in that slot, then authenticate again with "
        "key 0. " + _APDU,
        ("ChangeKey",),
    ),
    Meaning(
        Status.INTEGRITY_ERROR,
        "the read counter is at its end, FFFFFF, and this read would count",
        "Read with an authentication; writing the SDM settings anew begins the counter anew.",
        ("ReadData",),
        _NOBODY,
    ),
    Meaning(
        Status.INTEGRITY_ERROR,
        "MAC, padding or checksum do not hold: session key, transaction id or command counter "
        "differ, or something else was encrypted than is due",
        _AGAIN + " " + _APDU,
    ),
    # ---- 9140 -------------------------------------------------------------------------------
    Meaning(
        Status.NO_SUCH_KEY,
        "at the chip's level, where no application is selected, are only NXP's originality keys",
        _SELECTING,
        _AUTHENTICATE,
        selected=False,
    ),
    Meaning(Status.NO_SUCH_KEY, "there is no key of this number", "Keys are numbered 0 to 4."),
    # ---- 917E -------------------------------------------------------------------------------
    Meaning(
        Status.LENGTH_ERROR,
        "the length of part 1 or part 2 is wrong",
        "Part 1 in AES mode is 90 71 00 00 02 KeyNo 00 00; part 2 has 32 bytes of data.",
        _AUTHENTICATE,
    ),
    Meaning(
        Status.LENGTH_ERROR,
        "it has no data that could be encrypted: inside an authentication header and MAC alone "
        "are due, without a block of padding",
        "Send the header and 8 bytes of MAC; check the communication mode of the file.",
        _KEYLESS,
        ANY_KEY,
    ),
    Meaning(
        Status.LENGTH_ERROR,
        "key data has another length than is due",
        "Encrypt 17 bytes for key 0 and 21 for keys 1 to 4, padded to 32, and add the MAC: "
        "Lc is 29.",
        ("ChangeKey",),
        ANY_KEY,
    ),
    Meaning(
        Status.LENGTH_ERROR,
        "settings and options have not the same length, or it was sent in the clear where the "
        "Change right is a key, or encrypted where everybody may",
        "Every offset that an option calls for has 3 bytes, and no other is there.",
        ("ChangeFileSettings",),
    ),
    Meaning(
        Status.LENGTH_ERROR,
        "the option takes another number of bytes",
        "Send as many as the table of the option says, padded and encrypted.",
        ("SetConfiguration",),
        ANY_KEY,
    ),
    Meaning(
        Status.LENGTH_ERROR,
        "the command has not the length that is due without an authentication",
        "Lc counts the header and the data, and no MAC; if an authentication was meant, the tag "
        "has ended it.",
        authentication=_NOBODY,
    ),
    Meaning(
        Status.LENGTH_ERROR,
        "the command has not the length that this mode wants",
        "Check the communication mode of the file: plain, MAC (8 bytes more) or full (padded, "
        "and 8 bytes more).",
    ),
    # ---- 919D -------------------------------------------------------------------------------
    Meaning(Status.PERMISSION_DENIED, _NOT_SELECTED, _SELECTING, selected=False),
    Meaning(
        Status.PERMISSION_DENIED,
        "the tag is in LRP mode, or the key is locked after too many failures, or no application "
        "is selected",
        "Try AuthenticateLRPFirst, which costs nothing. A locked key 1 to 4 is unlocked by a "
        "ChangeKey with key 0; a locked key 0 is lost.",
        ("AuthenticateEV2First",),
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "the key is locked after too many failures, or no application is selected",
        "A locked key 1 to 4 is unlocked by a ChangeKey with key 0; a locked key 0 is lost.",
        ("AuthenticateLRPFirst",),
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "nobody is authenticated, so there is no transaction to go on with; or the tag is in the "
        "other mode, or the key is locked",
        "Authenticate with First.",
        NON_FIRST,
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "the Change right of the file is F, or the settings turn SDM on for another file than 2",
        "Read the settings: with Change F they are closed for good.",
        ("ChangeFileSettings",),
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "the rights to read are F, or the read counter has reached its limit",
        "Read the settings: the limit holds only for reads without an authentication.",
        ("ReadData",),
        _NOBODY,
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "the rights to read are F",
        "Read the settings; a right of F is changed by ChangeFileSettings, if Change is open.",
        ("ReadData",),
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "the rights to write are F, or writing in several frames is forbidden on this tag",
        "Read the settings; send no more than fits a frame of 128 bytes.",
        ("WriteData",),
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "SDM is off on this file, or SDMCtrRet is F",
        "Read the settings: only file 2 with its counter on has a counter to tell.",
        ("GetFileCounters",),
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "TTStatusKey is F: nobody may ask",
        "Mirror the status in the URL instead.",
        ("GetTTStatus",),
    ),
    Meaning(
        Status.PERMISSION_DENIED,
        "nobody may do this here and now: a right is F, or the application is not selected",
        _SELECTING + " Then read the settings of the file.",
    ),
    # ---- 919E -------------------------------------------------------------------------------
    Meaning(
        Status.PARAMETER_ERROR,
        "the settings contradict each other, overlap, leave the file, or name a key that is not "
        "there",
        "Bit 0 of SDMOptions must be 1; a counter limit and SDMCtrRet need the counter, file "
        "encryption needs UID and counter, SDMMetaRead is F exactly without both. " + _APDU,
        ("ChangeFileSettings",),
    ),
    Meaning(
        Status.PARAMETER_ERROR,
        "there is no such option, or a reserved bit of it is set",
        "Options are 00, 04, 05, 0A, 0B, and 07 on TagTamper chips.",
        ("SetConfiguration",),
    ),
    Meaning(
        Status.PARAMETER_ERROR,
        "a parameter has a value that is not allowed",
        "Check numbers of files and keys, and the capabilities in part 1 of an authentication.",
    ),
    # ---- 91AD -------------------------------------------------------------------------------
    Meaning(
        Status.AUTHENTICATION_DELAY,
        "it makes its host wait after failed authentications",
        "Repeat the same authentication until it passes, or stop: every wrong key adds to the "
        "wait, and in the end locks the key for good. Powering down does not help.",
    ),
    # ---- 91AE -------------------------------------------------------------------------------
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "the key is wrong: the tag does not find its own RndB in part 2",
        _NOT_AT_RANDOM,
        _AUTHENTICATE,
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "it takes an authentication with key 0, whichever key is to be changed, and another key "
        "is authenticated",
        "Authenticate with key 0. The key that is changed enters as the old key only.",
        ("ChangeKey",),
        _OTHER,
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "it takes an authentication with key 0, and another key is authenticated",
        "Authenticate with key 0.",
        ("SetConfiguration",),
        _OTHER,
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "it takes an authentication with key 0, whatever key is named",
        "Authenticate with key 0.",
        _WITH_KEY_0,
        _NOBODY,
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "the tag's side of the authentication with key 0 has ended: by a refusal, a select, or a "
        "program in between",
        "Authenticate with key 0 again.",
        _WITH_KEY_0,
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "the Change right of the file is another key",
        "Authenticate with the key that GetFileSettings names: the last digit of the first byte "
        "of the access rights.",
        ("ChangeFileSettings",),
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "neither Read nor ReadWrite of the file is free or the authenticated key",
        "Authenticate with a key that GetFileSettings names.",
        ("ReadData",),
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "neither Write nor ReadWrite of the file is free or the authenticated key",
        "Authenticate with a key that GetFileSettings names.",
        ("WriteData",),
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "it takes an authentication, with any key",
        "Authenticate first.",
        ("GetCardUid",),
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "SDMCtrRet of the file is another key",
        "Authenticate with the key that GetFileSettings names in SDMAccessRights.",
        ("GetFileCounters",),
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "TTStatusKey is another key",
        "Authenticate with the key that was given when the loop was turned on.",
        ("GetTTStatus",),
    ),
    Meaning(
        Status.AUTHENTICATION_ERROR,
        "this needs an authentication that is not there",
        "Authenticate with the key that has the right. " + _NOT_AT_RANDOM,
    ),
    # ---- other native refusals --------------------------------------------------------------
    Meaning(
        Status.BOUNDARY_ERROR,
        "beyond the end of the file",
        "Check offset and length, least significant byte first; the files have 32, 256 and 128 "
        "bytes.",
    ),
    Meaning(
        Status.COMMAND_ABORTED,
        "another command was not finished",
        "Start the sequence of commands over; let no other program use the reader.",
    ),
    Meaning(Status.MEMORY_ERROR, "the tag could not write its memory", MEMORY),
    Meaning(
        Status.FILE_NOT_FOUND, "there is no file at the chip's level", _SELECTING, selected=False
    ),
    Meaning(
        Status.FILE_NOT_FOUND,
        "there is no such file",
        "Files are numbered 1 to 3; select the application first.",
    ),
)
