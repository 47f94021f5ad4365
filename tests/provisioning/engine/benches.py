"""A bench without reader and disk: a simulated tag that can be torn away, a journal in memory."""

from __future__ import annotations

from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.enrolment._enroller import Enrolled
from ntag424_provisioning.errors import EnrolmentError, StaleEpochError
from ntag424_provisioning.model import Irreversible, KnownTag, Profile

from ntag424 import Key, Keyring, KeyState, KeyVersion, Uid, UrlTemplate, Verifier
from ntag424.apdu import ResponseApdu, Status
from ntag424.errors import NoTagError
from ntag424.keys import An10922Keys
from ntag424.ndef import read_uri
from ntag424.testing import FaultyTransport, SimulatedTag

UID = Uid.from_hex("04DE5F1EACC040")
TEMPLATE = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
PROFILE = Profile(TEMPLATE)
LRP_PROFILE = Profile(TEMPLATE, irreversible=frozenset({Irreversible.LRP}))
OLD = An10922Keys(Key(bytes(range(16))))
NEW = An10922Keys(Key(bytes(range(16, 32))))
NEVER = 10**6


def one_version():
    return Keyring.single(OLD)


def two_versions():
    return Keyring([KeyVersion(1, OLD, KeyState.ACCEPTING), KeyVersion(2, NEW, KeyState.ACTIVE)])


class MemoryJournal:
    """Keeps what a file would hold: bytes, and nothing that was not put down."""

    def __init__(self):
        self.records = {}
        self.puts = 0

    def find(self, uid):
        text = self.records.get(uid)
        return None if text is None else KnownTag.from_json(text)

    def put(self, known):
        self.puts += 1
        self.records[known.uid] = known.to_json()

    def require_writable(self):
        pass


class TornLink:
    """A reader: the tag leaves it at command *cut_at* and is laid back by `reconnect`."""

    def __init__(self, tag, *, cut_at=NEVER, executed=False):
        self.tag = tag
        self.way = FaultyTransport(tag, cut_at=cut_at, executed=executed)
        self.other = None
        self.commands = []
        self._known = tag.anticollision_uid

    @property
    def sent(self):
        return self.way.sent

    def uid(self):
        return self._known

    def transmit(self, command):
        self.commands.append(command)
        return self.way.transmit(command)

    def wait_for_tag(self, timeout):
        self.reconnect()
        return self._known

    def reconnect(self):
        if self.way.lost:
            raise NoTagError("the tag is not on the reader")
        self.tag.power_cycle()

    def release_tag(self):
        pass

    def close(self):
        pass


class MuteLink(TornLink):
    """A tag that tells nobody its key versions, and what an authentication cost."""

    def __init__(self, tag):
        super().__init__(tag)
        self.first_parts_without_success = 0

    def transmit(self, command):
        if command.ins == 0x64 and not command.data[1:]:
            return ResponseApdu(b"", Status.PERMISSION_DENIED)
        answer = super().transmit(command)
        if command.ins == 0x71 and answer.status == Status.ADDITIONAL_FRAME:
            self.first_parts_without_success += 1
        elif self.commands[-2:-1] and self.commands[-2].ins == 0x71 and answer.status == Status.OK:
            self.first_parts_without_success -= 1
        return answer


class MemoryLedger:
    """An `Enroller` with a ledger's rules."""

    def __init__(self):
        self.tags = {}
        self.retired = {}
        self.templates = {}
        self.is_up = True

    def find(self, uid):
        return self.tags.get(uid)

    def enrol(self, uid, generation, counter, template=None):
        if not self.is_up:
            raise EnrolmentError("the ledger is away")
        present = self.tags.get(uid)
        if present == Enrolled(generation, counter):
            return True
        if present is not None and present.generation >= generation:
            raise StaleEpochError("stale", known=present.generation)
        self.tags[uid] = Enrolled(generation, counter)
        self.templates[uid] = template
        return True

    def retire(self, uid, generation):
        if not self.is_up:
            raise EnrolmentError("the ledger is away")
        self.retired[uid] = generation
        return True


class Workshop:
    """One tag, its journal, its ledger: what stays while readers and processes come and go."""

    def __init__(self, tag=None, keyring=None):
        self.tag = tag or SimulatedTag.blank(UID)
        self.journal = MemoryJournal()
        self.ledger = MemoryLedger()
        self.keyring = keyring or one_version()
        self.told = []

    def bench(self, link=None, **cut):
        self.tag.power_cycle()
        self.link = link or TornLink(self.tag, **cut)
        return Bench(self.link, self.journal, self.keyring, self.ledger, self.told.append)

    def tap(self, template=TEMPLATE):
        """Be a phone, then a service: verify, and ask the ledger whether it would take it."""
        tap = self.verified(template).counted()
        enrolled = self.ledger.tags[tap.uid]
        assert (tap.generation, tap.counter > enrolled.counter) == (enrolled.generation, True)
        return tap

    def verified(self, template=TEMPLATE):
        return Verifier(template, self.keyring).verify(read_uri(self.tag.tap()))

    @property
    def memory(self):
        return self.tag._card.memory

    def keys(self):
        return [bytes(key.value) for key in self.memory.keys]
