"""The four jobs as people ask for them, each with the house as it is before."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from ntag424_provisioning.model import Stage

from ntag424 import Generation
from tests.provisioning.hard.houses import FORMER_URL, READER, TEMPLATE, URL, keys_on_record

#: Tags of it tell nobody their life: their keys, those of the factory too, all have version 0.
SILENT_URL = "https://id.example.com/t?p={picc}&m={mac}"
LRP_MODE = ("--irreversible", "lrp", "--allow-irreversible")


def provision(url, mode=(), reader=READER):
    return ("provision", "--url", url, "--change-url", "--reader", reader, "--any-chip", *mode)


def repair(reader=READER):
    return ("repair", "--yes", "--reader", reader)


@dataclass(frozen=True)
class Fresh:
    """A blank tag becomes a working one."""

    #: What it lives in afterwards.
    life: Generation
    url: str = URL
    mode: tuple = ()

    def prepare(self, house):
        pass

    def command(self, reader=READER):
        return provision(self.url, self.mode, reader)

    def look(self, house):
        return house.look(self.url if "{" in self.url else TEMPLATE)

    def assert_done(self, seen):
        assert seen.known.stage is Stage.READY
        assert (seen.tap.uid, seen.tap.generation) == (seen.known.uid, self.life)
        assert seen.tap.generation == seen.enrolled.generation
        assert seen.tap.counter > seen.enrolled.counter == seen.known.counter


class Again(Fresh):
    """A tag in use gets another URL, and with it another life."""

    def prepare(self, house):
        house.done(*provision(FORMER_URL, self.mode))


class Rotation(Fresh):
    """A tag in use moves to the next key version."""

    def prepare(self, house):
        house.done(*provision(self.url, self.mode))
        house.done("keys", "rotate")
        house.confirm_backup()

    def command(self, reader=READER):
        return ("rotate", "--reader", reader)


class Resetting(Fresh):
    """A tag in use becomes blank."""

    def prepare(self, house):
        house.done(*provision(self.url, self.mode))

    def command(self, reader=READER):
        return ("reset", "--yes", "--reader", reader)

    def assert_done(self, seen):
        assert seen.known.stage is Stage.BLANK
        assert seen.keys_on_the_tag == [(bytes(16), 0)] * 5
        assert seen.tap is None


ERRANDS = {
    "fresh": Fresh(Generation(1, 1)),
    "again": Again(Generation(1, 2)),
    "rotate": Rotation(Generation(2, 2)),
    "reset": Resetting(Generation()),
}
LRP_ERRANDS = {name: type(errand)(errand.life, mode=LRP_MODE) for name, errand in ERRANDS.items()}
SILENT_ERRANDS = {
    "fresh": Fresh(Generation(1), SILENT_URL),
    "rotate": Rotation(Generation(2), SILENT_URL),
    "reset": Resetting(Generation(), SILENT_URL),
}


def prepared(errand, new_house, folder):
    """Have the house in which *errand* is about to be run."""
    house = new_house.twin(folder)
    errand.prepare(house)
    return house


def ends(house, folder, *command, mishap, code, cuts=None):
    """End *command* by *mishap* at its command 0, 1, 2 ...; give each house left behind."""
    for at in count() if cuts is None else cuts:
        scene = house.twin(folder / str(at))
        ended = scene.run(*command, mishaps=[mishap(at)])
        if ended.code == 0:
            assert cuts is not None or at > 60
            return
        assert ended.code == code, ended
        yield at, scene
        scene.burn_down()


def finishing(scene, errand, reader=READER):
    """Return what the program tells people: repair; what was not even planned is begun again."""
    known = scene.known()
    is_under_way = known is not None and known.stage not in (Stage.BLANK, Stage.READY)
    return repair(reader) if is_under_way else errand.command(reader)


def is_begun(scene):
    """Say whether anything may have been sent that changes the tag."""
    known = scene.known()
    return known is not None and known.stage in (Stage.WRITING, Stage.WRITTEN)


def assert_as_wanted(errand, scene):
    """See that the tag works, and that all that is known of it is so."""
    seen = errand.look(scene)
    assert keys_on_record(seen.known) == seen.keys_on_the_tag
    assert seen.known.attempts == seen.failed_attempts == (0,) * 5
    errand.assert_done(seen)
