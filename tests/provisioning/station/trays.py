"""A station without readers, disk and time: tags come one after the other, as a script says."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from ntag424_provisioning.engine.jobs import Origin
from ntag424_provisioning.station import (
    Control,
    FirstArticle,
    NoReport,
    Provisioning,
    StationSettings,
    Stock,
    Times,
    run_station,
)
from ntag424_provisioning.station._events import TagDone

from ntag424 import Uid
from ntag424.errors import NoTagError, TransportError
from ntag424.ndef import read_uri
from ntag424.readers import TagLink
from ntag424.testing import SimulatedTag
from tests.provisioning.engine.benches import (
    NEVER,
    PROFILE,
    MemoryJournal,
    MemoryLedger,
    one_version,
)


def blank(number):
    return SimulatedTag.blank(Uid(b"\x04" + number.to_bytes(6, "big")))


def uid_of(number):
    return Uid(b"\x04" + number.to_bytes(6, "big"))


def yield_to_others(_seconds=None):
    """Let the other threads work, instead of asking all the time whether they have."""
    time.sleep(0.0005)


class ForeignChip:
    """A Type 4 tag of another make: it has a UID, and refuses everything."""

    anticollision_uid = bytes.fromhex("04FFFFFFFFFF01")

    def __init__(self, uid=None):
        if uid is not None:
            self.anticollision_uid = uid

    def power_cycle(self):
        pass

    def exchange(self, octets):
        return b"\x6a\x82"


@dataclass
class Laid:
    """A tag that is laid on the reader, and what happens to it there."""

    tag: object
    #: It is lost at this command, from 0, once.
    cut_at: int = NEVER
    executed: bool = False
    #: What the reader sees before it is back: nothing (None), another tag; or what is done then.
    meanwhile: list = field(default_factory=list)
    #: What the reader sees when it should be taken away: the tag, another one, or nothing.
    after: list = field(default_factory=list)
    #: Says of a command, by its number and octets, whether a bit of its answer is changed.
    garbles: object = None
    #: Called with the number of each command.
    at_command: object = None


class Tray(TagLink):
    """A reader on which the tags of a list are laid: the next when one was released."""

    def __init__(self, laid, *, when_empty=None, identify=None):
        super().__init__(identify)
        self._coming = iter(laid)
        self._when_empty = when_empty
        self._laid = None
        self._card = None
        self._index = 0
        self._meanwhile = []
        self._is_leaving = False
        #: Per UID, commands that reached a tag.
        self.sent = Counter()

    def wait_for_tag(self, timeout):
        """Look once: here no time passes."""
        if self.uid() is None:
            self.reconnect()
        return self._known

    def release_tag(self):
        super().release_tag()
        if self._laid is not None and self._laid.after:
            self._meanwhile, self._laid.after = self._laid.after, []
            self._is_leaving = True
        elif not (self._is_leaving and self._meanwhile):
            self._laid = None

    def _connect(self):
        if self._laid is None:
            self._lay_next()
        self._card = self._laid.tag
        if self._meanwhile:
            self._card = self._meanwhile.pop(0)
        if callable(self._card):
            self._card()
            self._card = None
        if self._card is None:
            raise NoTagError("there is no tag on the tray")
        self._card.power_cycle()

    def _lay_next(self):
        self._laid = next(self._coming, None)
        self._index, self._meanwhile, self._is_leaving = 0, [], False
        if self._laid is None:
            if self._when_empty is not None:
                self._when_empty()
            yield_to_others()
            raise NoTagError("the tray is empty")
        if not isinstance(self._laid, Laid):
            self._laid = Laid(self._laid)

    def _exchange(self, octets):
        laid, index = self._laid, self._index
        self._index += 1
        if laid.at_command is not None:
            laid.at_command(index)
        if index == laid.cut_at:
            if laid.executed:
                self._card.exchange(octets)
            self._meanwhile = list(laid.meanwhile)
            raise TransportError(f"contact was lost at command {index}", outcome_unknown=True)
        self.sent[bytes(self._card.anticollision_uid)] += 1
        answer = self._card.exchange(octets)
        if laid.garbles is not None and len(answer) > 2 and laid.garbles(index, octets):
            return bytes((answer[0] ^ 1, *answer[1:]))
        return answer

    def _uid(self, reader):
        return self._card.anticollision_uid

    def _disconnect(self):
        self._card = None

    def _give_back(self):
        pass

    def _await_change(self, seconds):
        raise AssertionError("a tray has no time to wait")


class Phones:
    """An operator with two phones, who reads the tag that is shown."""

    def __init__(self, tags):
        self.tags = {tag.anticollision_uid: tag for tag in tags}
        self.asked = []

    def ask_for_tap(self, shown, phone, problem):
        self.asked.append((phone, problem))
        return read_uri(self.tags[bytes(shown.uid)].tap())


class Hall:
    """What stays while runs come and go: journal, ledger, keys."""

    def __init__(self, keyring=None):
        self.journal = MemoryJournal()
        self.ledger = MemoryLedger()
        self.keyring = keyring or one_version()
        self.events = []
        self.control = Control()

    @property
    def stock(self):
        return Stock(self.journal, self.keyring, self.ledger)

    def known(self):
        return [self.journal.find(uid) for uid in self.journal.records]

    def settings(self, **changes):
        labels = changes.pop("labels", None)
        task = changes.pop("task", Provisioning(PROFILE, Origin.ANY, labels))
        changes.setdefault("first_article", FirstArticle.SKIPPED)
        return StationSettings(task, **changes)

    def run(self, *trays, records=None, operator=None, listen=None, identify=None, **settings):
        """Run until every tray is empty, or the run is over; return its summary."""
        empty = set()

        def is_empty(number):
            empty.add(number)
            if len(empty) == len(trays):
                self.control.quit()

        self.trays = [
            Tray(laid, when_empty=partial(is_empty, number), identify=identify)
            for number, laid in enumerate(trays)
        ]
        links = {f"reader {number}": tray for number, tray in enumerate(self.trays, 1)}
        return self.run_links(links, records=records, operator=operator, listen=listen, **settings)

    def run_links(self, links, *, records=None, operator=None, listen=None, **settings):
        """Run with readers of whatever kind."""
        self.control = Control()
        self.events = []

        def hear(event):
            self.events.append(event)
            if listen is not None:
                listen(event)

        return run_station(
            self.settings(**settings),
            links,
            self.stock,
            hear,
            records=records or NoReport(),
            known=self.known(),
            control=self.control,
            operator=operator,
            times=Times(pause=yield_to_others),
        )

    def quit(self):
        self.control.quit()

    def skip(self):
        self.control.skip()

    def interrupt(self):
        self.control.interrupt()

    def undo(self):
        self.control.undo()

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def labels(self):
        return {event.uid: event.label for event in self.told(TagDone)}

    def generations(self):
        return {known.uid: known.generation for known in self.known()}
