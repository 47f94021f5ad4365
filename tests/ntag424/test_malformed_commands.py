"""The host refuses to build a command that no tag takes; the tag's own refusals are tested apart.

What a chip answers to such a command is in `testing/test_malformed_commands.py`.
"""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError, dataclass, fields

import pytest

from ntag424 import Key, commands
from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.commands import Command, Request, SetConfiguration
from ntag424.handshake import authenticate_first, authenticate_non_first
from ntag424.model.files import FACTORY_SETTINGS, FREE, AccessRights, CommMode, FileSettings
from ntag424.secure_channel import AesChannel
from ntag424.session import Session
from ntag424.testing import ScriptedTransport

OLD, NEW = Key(b"O" * 16), Key(b"N" * 16)
WITH_SDM = FileSettings.from_bytes(bytes.fromhex("4000E0 C1 FF12 200000 430000 430000"))


@dataclass(frozen=True)
class Numbers:
    """A field that takes the integers from *lowest* to *highest*."""

    lowest: int
    highest: int

    @property
    def out_of_range(self):
        return [-1, self.lowest - 1, self.highest + 1, 1 << 32]

    wrong_types = ("1", 1.0, None, True, b"\1")


@dataclass(frozen=True)
class Octets:
    """A field that takes bytes, from *shortest* to *longest*."""

    shortest: int
    longest: int

    @property
    def out_of_range(self):
        return [bytes(self.shortest - 1), bytes(self.longest + 1)]

    wrong_types = ("a" * 7, bytearray(7), None, 7)


@dataclass(frozen=True)
class Values:
    """A field that takes values of one type, and of these not *out_of_range*."""

    out_of_range: tuple = ()
    wrong_types: tuple = ("x", 3, None, b"\0" * 16)


FILE, SLOT, OFFSET = Numbers(1, 3), Numbers(0, 4), Numbers(0, 0xFFFFFF)
BYTE, WORD, KEY, MODE = Numbers(0, 0xFF), Numbers(0, 0xFFFF), Values(), Values()


@dataclass(frozen=True)
class Form:
    """The right form of a command, what its fields take, and where the data sheet says so."""

    source: str
    right: dict
    takes: dict


def form(source, **parts):
    """Give each field as its right value and what it takes."""
    right = {name: value for name, (value, _) in parts.items()}
    return Form(source, right, {name: takes for name, (_, takes) in parts.items()})


CAPABILITIES = {"fifth": (1, BYTE), "sixth": (2, BYTE)}
FORMS = {
    "IsoSelectApplication": form("table 84", application=(b"\xd2" * 7, Octets(1, 16))),
    "IsoSelectFile": form("table 84", file_id=(0xE104, WORD)),
    "IsoReadBinary": form("table 87", offset=(0, Numbers(0, 0x7FFF)), length=(4, Numbers(0, 256))),
    "IsoUpdateBinary": form(
        "table 90", offset=(0, Numbers(0, 0x7FFF)), content=(b"ab", Octets(1, 255))
    ),
    "GetVersion": form("table 53"),
    "GetCardUid": form("table 60"),
    "GetKeyVersion": form("table 66", key_number=(4, SLOT)),
    "GetFileSettings": form("table 72", file_number=(2, FILE)),
    "GetFileCounters": form("table 75"),
    "ChangeFileSettings": form(
        "table 69",
        file_number=(2, FILE),
        settings=(FACTORY_SETTINGS[2], Values()),
        mode=(CommMode.FULL, Values((CommMode.MAC,))),
    ),
    "ReadData": form(
        "table 78",
        file_number=(2, FILE),
        offset=(0, OFFSET),
        length=(4, Numbers(0, 256)),
        mode=(CommMode.PLAIN, MODE),
    ),
    "WriteData": form(
        "table 81",
        file_number=(2, FILE),
        offset=(0, OFFSET),
        content=(b"ab", Octets(1, 248)),
        mode=(CommMode.PLAIN, MODE),
    ),
    "ChangeKey": form(
        "table 63",
        key_number=(1, Numbers(1, 4)),
        old_key=(OLD, KEY),
        new_key=(NEW, KEY),
        key_version=(7, BYTE),
    ),
    "ChangeMasterKey": form("table 63", new_key=(NEW, KEY), key_version=(7, BYTE)),
    "ReadSignature": form("table 93"),
    "GetTamperStatus": form("NT4H2421Tx, GetTTStatus"),
    "EnableRandomId": form("table 50, option 00"),
    "ForbidChainedWriting": form("table 50, option 04"),
    "SetCapabilities": form("table 50, option 05", **CAPABILITIES),
    "EnableLrp": form("table 50, option 05", **CAPABILITIES),
    "EnableTagTamper": form("NT4H2421Tx, SetConfiguration option 07", access=(3, SLOT)),
    "SetFailedAuthenticationLimit": form(
        "table 50, option 0A", limit=(500, Numbers(1, 0xFFFF)), decrement=(1, WORD)
    ),
    "IgnoreFailedAuthentications": form("table 50, option 0A"),
    "SetBackModulation": form("table 50, option 0B", is_strong=(True, Values())),
}
#: None is a value of this field: nobody is asked for a key.
NONE_IS_RIGHT = {("EnableTagTamper", "access")}


def build(name, **changes):
    return getattr(commands, name)(**FORMS[name].right | changes)


def of_fields(attribute):
    return [
        pytest.param(name, field, value, id=f"{name}-{field}-{value!r:.12}")
        for name, each in FORMS.items()
        for field, takes in each.takes.items()
        for value in getattr(takes, attribute)
        if not (value is None and (name, field) in NONE_IS_RIGHT)
    ]


def test_every_command_of_the_host_is_in_the_table():
    exported = {name: getattr(commands, name) for name in commands.__all__}
    concrete = {
        name
        for name, each in exported.items()
        if inspect.isclass(each) and issubclass(each, Request) and not inspect.isabstract(each)
    }
    assert concrete == set(FORMS)


@pytest.mark.parametrize("name", FORMS)
def test_the_table_has_every_field(name):
    assert set(FORMS[name].right) == {field.name for field in fields(getattr(commands, name))}


@pytest.mark.parametrize("name", FORMS)
def test_the_right_form_is_built(name):
    assert build(name) == build(name)


@pytest.mark.parametrize("part", ["cla", "ins", "p1", "p2", "lc", "le", "data", "header", "mac"])
@pytest.mark.parametrize("name", FORMS)
def test_no_command_lets_its_frame_be_chosen(name, part):
    with pytest.raises(TypeError, match=part):
        build(name, **{part: 1})


@pytest.mark.parametrize("name", [name for name, each in FORMS.items() if each.right])
def test_no_field_can_be_changed_later(name):
    field = next(iter(FORMS[name].right))
    with pytest.raises(FrozenInstanceError):
        setattr(build(name), field, 1)


@pytest.mark.parametrize(("name", "field", "value"), of_fields("out_of_range"))
def test_a_value_that_does_not_fit_is_refused(name, field, value):
    with pytest.raises(ValueError, match=r"."):
        build(name, **{field: value})


@pytest.mark.parametrize(("name", "field", "value"), of_fields("wrong_types"))
def test_a_value_of_another_type_is_refused(name, field, value):
    with pytest.raises(TypeError, match=r" has to be .* not "):
        build(name, **{field: value})


TOO_LONG = {
    "249 bytes to read with a MAC": ("ReadData", {"length": 249, "mode": CommMode.MAC}),
    "240 bytes to read encrypted": ("ReadData", {"length": 240, "mode": CommMode.FULL}),
    "241 bytes to write with a MAC": ("WriteData", {"content": bytes(241), "mode": CommMode.MAC}),
    "240 bytes to write encrypted": ("WriteData", {"content": bytes(240), "mode": CommMode.FULL}),
    "SDM on the capability container": (
        "ChangeFileSettings",
        {"file_number": 1, "settings": WITH_SDM},
    ),
}


@pytest.mark.parametrize(("name", "changes"), TOO_LONG.values(), ids=TOO_LONG)
def test_fields_that_do_not_fit_each_other_are_refused(name, changes):
    with pytest.raises(ValueError, match=r"."):
        build(name, **changes)


# ---- in the clear ---------------------------------------------------------------------------

SECURED = [
    commands.ChangeKey(1, OLD, NEW, 1),
    commands.ChangeMasterKey(NEW, 1),
    commands.GetCardUid(),
    commands.ChangeFileSettings(2, FACTORY_SETTINGS[2]),
    commands.ReadData(3, 0, 4, CommMode.FULL),
    commands.ReadData(3, 0, 4, CommMode.MAC),
    commands.WriteData(3, 0, b"a", CommMode.FULL),
    *(build(name) for name in FORMS if issubclass(getattr(commands, name), SetConfiguration)),
]


@pytest.mark.parametrize("command", SECURED, ids=lambda command: type(command).__name__)
def test_what_needs_an_authentication_has_no_form_in_the_clear(command):
    with pytest.raises(ValueError, match=f"{command.name} is sent inside an authentication"):
        command.apdu()


def test_a_key_is_never_sent_in_the_clear():
    silent = ScriptedTransport([])
    with pytest.raises(ValueError, match="never in the clear"):
        Session(silent).send(commands.ChangeKey(1, OLD, NEW, 1))


@pytest.mark.parametrize(
    "command",
    [
        commands.GetKeyVersion(0),
        commands.GetVersion(),
        commands.ReadData(2),
        commands.ChangeFileSettings(
            2, FileSettings(CommMode.PLAIN, AccessRights(FREE, FREE, FREE, FREE)), CommMode.PLAIN
        ),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_anybody_may_ask_has_a_form_in_the_clear(command):
    assert command.apdu() == CommandApdu(command.ins, command.header() + command.payload())


# ---- secured --------------------------------------------------------------------------------


def native_commands():
    return [name for name in FORMS if issubclass(getattr(commands, name), Command)]


@pytest.mark.parametrize("name", native_commands())
def test_a_secured_command_has_the_frame_that_every_native_one_has(name):
    channel = AesChannel(0, b"\1\2\3\4", enc_key=b"E" * 16, mac_key=b"M" * 16)
    wrapped = bytes(channel.wrap(build(name)))
    framed = wrapped[:4] == bytes([0x90, build(name).ins, 0, 0]) and wrapped[-1] == 0
    assert (framed, wrapped[4]) == (True, len(wrapped) - 6)


@pytest.mark.parametrize("mode", list(CommMode))
def test_the_longest_write_of_each_mode_fits_one_apdu(mode):
    channel = AesChannel(0, b"\1\2\3\4", enc_key=b"E" * 16, mac_key=b"M" * 16)
    longest = commands.WriteData(2, 0, bytes(commands.MOST_WRITTEN[mode]), mode)
    assert len(channel.wrap(longest).data) <= 255


# ---- authentications ------------------------------------------------------------------------


@pytest.mark.parametrize("number", SLOT.out_of_range)
def test_nobody_is_asked_for_a_key_that_does_not_exist(number):
    with pytest.raises(ValueError, match="numbered 0 to 4"):
        authenticate_first(number, OLD)


@pytest.mark.parametrize("number", SLOT.wrong_types)
def test_a_key_number_is_an_integer(number):
    with pytest.raises(TypeError, match="a key number has to be int"):
        authenticate_first(number, OLD)


@pytest.mark.parametrize("key", [b"O" * 16, "O" * 16, None])
def test_nobody_authenticates_with_what_is_no_key(key):
    with pytest.raises(TypeError, match="key has to be Key"):
        authenticate_first(0, key)


@pytest.mark.parametrize(("number", "key"), [(5, OLD), (0, b"O" * 16)])
def test_an_authentication_that_goes_on_is_built_as_strictly(number, key):
    channel = AesChannel(0, b"\1\2\3\4", enc_key=b"E" * 16, mac_key=b"M" * 16)
    with pytest.raises((TypeError, ValueError), match=r" not "):
        authenticate_non_first(channel, number, key)


# ---- frames ---------------------------------------------------------------------------------

NO_FRAMES = {
    "data as text": (lambda: CommandApdu(0x60, "00"), TypeError),
    "data that can change": (lambda: CommandApdu(0x60, bytearray(1)), TypeError),
    "a true instruction": (lambda: CommandApdu(True), TypeError),
    "Le as text": (lambda: CommandApdu(0x60, le="00"), TypeError),
    "Le of two bytes": (lambda: CommandApdu(0x60, le=256), ValueError),
    "P1 of two bytes": (lambda: CommandApdu(0x60, p1=256), ValueError),
    "more than Lc can say": (lambda: CommandApdu(0x60, bytes(256)), ValueError),
    "an answer as text": (lambda: ResponseApdu("00", 0x9000), TypeError),
    "a status as bytes": (lambda: ResponseApdu(b"", b"\x90\x00"), TypeError),
}


@pytest.mark.parametrize(("make", "error"), NO_FRAMES.values(), ids=NO_FRAMES)
def test_what_is_no_frame_is_not_built(make, error):
    with pytest.raises(error):
        make()
