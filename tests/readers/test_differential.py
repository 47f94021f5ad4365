"""Any conversation ends the same over a direct call, through pcscd, and through nfcpy."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ntag424 import Key, Mode, Uid
from ntag424.apdu import CommandApdu
from ntag424.commands import (
    ChangeFileSettings,
    ChangeKey,
    ChangeMasterKey,
    Command,
    EnableLrp,
    GetCardUid,
    GetFileCounters,
    GetFileSettings,
    GetKeyVersion,
    GetVersion,
    IsoReadBinary,
    IsoSelectApplication,
    IsoSelectFile,
    IsoUpdateBinary,
    ReadData,
    ReadSignature,
    SetBackModulation,
    SetCapabilities,
    WriteData,
)
from ntag424.errors import Ntag424Error, TagRefusedError
from ntag424.exchange import ask, exchange
from ntag424.flow import run
from ntag424.handshake import authenticate_first, authenticate_non_first
from ntag424.model import EncryptedMirror, PlainMirror
from ntag424.model.files import (
    FACTORY_SETTINGS,
    FREE,
    NEVER,
    AccessRights,
    CommMode,
    FileSettings,
    ReadCounter,
    SdmBlock,
    SecuredRead,
)
from ntag424.testing import SimulatedTag
from tests.readers.cards import UID
from tests.support import BYTE

# 100 conversations of each mode in a gate would cost a minute of waiting; a night has time.
CONVERSATIONS = max(100, settings().max_examples)

# ---- what can be said -----------------------------------------------------------------------

KEYS = [Key(bytes([number]) * 16) for number in range(3)]
SLOTS, FILES = st.integers(0, 4), st.integers(1, 3)
MODES = st.sampled_from(list(CommMode))
SDM = SdmBlock(EncryptedMirror(40), 1, SecuredRead(2, 100, 120), ReadCounter(FREE, 40))
PLAIN_SDM = SdmBlock(PlainMirror(20, 40), None, SecuredRead(0, 60, 60), ReadCounter(2))
OPEN = AccessRights(FREE, FREE, FREE, 0)
SETTINGS = [
    FACTORY_SETTINGS[2],
    FileSettings(CommMode.PLAIN, OPEN, SDM),
    FileSettings(CommMode.MAC, AccessRights(1, 0, 0, 0), PLAIN_SDM),
    FileSettings(CommMode.FULL, AccessRights(0, 1, 2, 0)),
    FileSettings(CommMode.FULL, AccessRights(NEVER, NEVER, FREE, FREE)),
]


@dataclass(frozen=True)
class Authenticate:
    """Begin a transaction, or go on with it under another key."""

    key_number: int
    key: Key
    first: bool


@dataclass(frozen=True)
class LeaveTheField:
    """Be taken away and laid back."""


READS = st.builds(
    ReadData, FILES, st.integers(0, 60), st.integers(0, 200), MODES.filter(lambda mode: mode != 3)
)
FULL_READS = st.builds(
    ReadData, FILES, st.integers(0, 8), st.integers(0, 32), st.just(CommMode.FULL)
)
WRITES = st.builds(
    WriteData, FILES, st.integers(0, 100), st.binary(min_size=1, max_size=30), MODES
)
PLAIN_REQUESTS = st.one_of(
    st.just(IsoSelectApplication()),
    st.sampled_from([IsoSelectFile(0xE103), IsoSelectFile(0xE104), IsoSelectFile(0xE1FF)]),
    st.builds(IsoReadBinary, st.integers(0, 60), st.integers(0, 60)),
    st.builds(IsoUpdateBinary, st.integers(0, 60), st.binary(min_size=1, max_size=20)),
)
COMMANDS = st.one_of(
    st.sampled_from(
        [
            GetVersion(),
            GetCardUid(),
            GetFileCounters(),
            ReadSignature(),
            SetBackModulation(),
            SetCapabilities(1, 2),
            EnableLrp(),
        ]
    ),
    st.builds(GetFileSettings, FILES),
    st.builds(GetKeyVersion, SLOTS),
    READS,
    FULL_READS,
    WRITES,
    st.builds(
        ChangeKey, st.integers(1, 4), st.sampled_from(KEYS), st.sampled_from(KEYS), st.just(7)
    ),
    st.builds(ChangeMasterKey, st.sampled_from(KEYS[:1]), st.just(9)),
    st.builds(
        ChangeFileSettings,
        st.just(2),
        st.sampled_from(SETTINGS),
        st.sampled_from([CommMode.FULL, CommMode.FULL, CommMode.PLAIN]),
    ),
)
AUTHENTICATIONS = st.builds(
    Authenticate, SLOTS, st.sampled_from([KEYS[0], KEYS[0], KEYS[1]]), st.booleans()
)
#: What is allowed with key 0 of a tag as delivered, so that conversations get somewhere.
ALLOWED = st.one_of(
    st.sampled_from([GetVersion(), GetCardUid(), SetBackModulation(), SetCapabilities(1, 2)]),
    st.builds(GetFileSettings, FILES),
    st.builds(GetKeyVersion, SLOTS),
    st.builds(ChangeKey, st.integers(1, 4), st.just(KEYS[0]), st.sampled_from(KEYS), BYTE),
    st.builds(ChangeFileSettings, st.just(2), st.sampled_from(SETTINGS)),
    st.builds(WriteData, st.just(2), st.integers(0, 100), st.binary(min_size=1, max_size=30)),
    st.builds(ReadData, st.just(2), st.integers(0, 100), st.integers(0, 100)),
)
OWN_FILE = st.one_of(
    st.builds(
        ReadData, st.just(3), st.integers(0, 60), st.integers(0, 60), st.just(CommMode.FULL)
    ),
    st.builds(
        WriteData,
        st.just(3),
        st.integers(0, 90),
        st.binary(min_size=1, max_size=30),
        st.just(CommMode.FULL),
    ),
)


def chapters(key_number, commands):
    """Give an authentication with a right key, and some commands."""
    opening = st.builds(Authenticate, st.just(key_number), st.just(KEYS[0]), st.just(True))
    return st.tuples(opening, st.lists(commands, min_size=1, max_size=5)).map(
        lambda parts: [parts[0], *parts[1]]
    )


ANYTHING = st.one_of(COMMANDS, COMMANDS, PLAIN_REQUESTS, AUTHENTICATIONS, st.just(LeaveTheField()))
STEPS = st.lists(
    st.one_of(
        chapters(0, ALLOWED),
        chapters(0, ALLOWED | COMMANDS),
        chapters(2, OWN_FILE),
        chapters(3, OWN_FILE),
        chapters(1, COMMANDS),
        st.lists(PLAIN_REQUESTS, min_size=1, max_size=4),
        st.lists(ANYTHING, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=5,
).map(lambda parts: [step for part in parts for step in part])


# ---- who says it ----------------------------------------------------------------------------


class Swappable:
    """The card that lies on a reader all the time, with another tag in it for each example."""

    anticollision_uid = UID

    def __init__(self):
        self.tag = None

    def lay_down(self, mode):
        self.tag = SimulatedTag(
            uid=UID,
            keys=[bytes(16)] * 5,
            ndef_file=b"",
            file_settings=bytes(FACTORY_SETTINGS[2]),
            random_bytes=bytes,
            lrp=mode is Mode.LRP,
        )

    def exchange(self, octets):
        return self.tag.exchange(octets)

    def power_cycle(self):
        if self.tag is not None:
            self.tag.power_cycle()

    def transmit(self, command):
        return self.tag.transmit(command)


class Host:
    """One host at one transport; it notes the outcome of each step."""

    def __init__(self, card, transport):
        self.card = card
        self.transport = transport
        self.channel = None

    def hold(self, mode, steps):
        self.card.lay_down(mode)
        self.card.power_cycle()
        self.channel = None
        return [self._outcome(step) for step in [IsoSelectApplication(), *steps]]

    def _outcome(self, step):
        try:
            return self._taken(step)
        except TagRefusedError as refusal:
            return refusal.command, refusal.status
        except Ntag424Error as error:
            return type(error).__name__

    def _taken(self, step):
        match step:
            case LeaveTheField():
                self.card.power_cycle()
                self.channel = None
                return self._outcome(IsoSelectApplication())
            case Authenticate():
                return self._authenticated(step)
            case Command() if self.channel is None and step.needs_authentication:
                # The host does not send it so; another one may, and is refused.
                command = CommandApdu(step.ins, step.header() + step.payload())
                return self.transport.transmit(command).status
            case _ if self.channel is None or not hasattr(step, "header"):
                return self._run(ask(step))
            case _:
                return self._run(exchange(self.channel, step))

    def _authenticated(self, step):
        if step.first or self.channel is None:
            flow = authenticate_first(step.key_number, step.key, random_bytes=bytes)
        else:
            flow = authenticate_non_first(
                self.channel, step.key_number, step.key, random_bytes=bytes
            )
        self.channel = None
        self.channel = self._run(flow)
        return self.channel.mode, self.channel.key_number, self.channel.command_counter

    def _run(self, flow):
        try:
            return run(flow, self.transport)
        finally:
            if self.channel is not None and not self.channel.is_alive:
                self.channel = None


@pytest.fixture
def direct():
    card = Swappable()
    return Host(card, card)


@pytest.fixture
def through_pcscd(pcsc_place):
    card = Swappable()
    card.lay_down(Mode.AES)
    pcsc_place.insert(card)
    with pcsc_place.open() as reader:
        reader.wait_for_tag(5)
        yield Host(card, reader)


@pytest.fixture
def through_nfcpy(patient_place):
    card = Swappable()
    card.lay_down(Mode.AES)
    patient_place.insert(card)
    with patient_place.open() as reader:
        reader.wait_for_tag(5)
        yield Host(card, reader)


@pytest.mark.xdist_group("pcscd")
@pytest.mark.parametrize("mode", list(Mode))
@settings(
    max_examples=CONVERSATIONS,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_a_conversation_is_the_same_over_every_way_to_the_tag(
    direct, through_pcscd, through_nfcpy, mode, steps
):
    expected = direct.hold(mode, steps)
    assert (through_pcscd.hold(mode, steps), through_nfcpy.hold(mode, steps)) == (
        expected,
        expected,
    )


def test_conversations_get_somewhere(direct):
    outcomes = direct.hold(
        Mode.AES,
        [
            Authenticate(0, KEYS[0], first=True),
            GetCardUid(),
            Authenticate(1, KEYS[0], first=False),
        ],
    )
    assert outcomes == [None, (Mode.AES, 0, 0), Uid(UID), (Mode.AES, 1, 1)]
