"""Five hundred tags in one run, every twentieth torn away, and none is lost."""

from __future__ import annotations

import random

import pytest
from ntag424_provisioning.model import Stage
from ntag424_provisioning.station import LabelTemplate, Report, StopReason

from ntag424 import Verifier
from ntag424.ndef import read_uri
from tests.provisioning.engine.benches import TEMPLATE
from tests.provisioning.station.reports import held_by, ledger_of, of_outcome
from tests.provisioning.station.trays import Hall, Laid, blank

# One run for all of them, however many workers there are.
pytestmark = pytest.mark.xdist_group("five hundred tags")

TAGS = 500
TORN = TAGS // 20
# A run of one tag sends so many commands.
COMMANDS = 80


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Let five hundred tags be laid down, torn, confused and laid down twice."""
    chance = random.Random(424)
    tags = [blank(number) for number in range(TAGS)]
    torn = set(chance.sample(range(TAGS), TORN))
    laid = [
        Laid(
            tag,
            cut_at=chance.randrange(COMMANDS),
            executed=chance.random() < 0.5,
            meanwhile=chance.choice([[], [None], [None, blank(10**6 + number)]]),
        )
        if number in torn
        else tag
        for number, tag in enumerate(tags)
    ]
    # What was torn away before anything was changed is laid down again, as its line asks for.
    laid += [tags[number] for number in sorted(torn | set(chance.sample(range(TAGS), TORN)))]
    hall = Hall()
    hall.report = tmp_path_factory.mktemp("run") / "report.csv"
    hall.tags = tags
    with Report(hall.report) as records:
        hall.summary = hall.run(laid, records=records, labels=LabelTemplate("badge-{n:04}"))
    return hall


def test_all_are_done_and_the_run_says_so(run):
    summary = run.summary
    assert (summary.done, summary.failed, summary.in_doubt) == (TAGS, (), ())
    assert summary.reason is StopReason.QUIT
    assert summary.exit == 0


def test_every_tag_works(run):
    verifier = Verifier(TEMPLATE, run.keyring)
    for tag in run.tags:
        tap = verifier.verify(read_uri(tag.tap())).counted()
        held = run.ledger.tags[tap.uid]
        assert (tap.generation, tap.counter > held.counter) == (held.generation, True)


def test_every_key_of_every_tag_is_known(run):
    for tag in run.tags:
        known = run.journal.find(tag._card.memory.uid)
        assert known.stage is Stage.READY
        assert [[bytes(one.key) for one in slot] for slot in known.slots] == [
            [bytes(key.value)] for key in tag._card.memory.keys
        ]


def test_no_two_tags_have_one_label(run):
    labels = {row["label"] for row in of_outcome(run.report, "done")}
    assert labels == {f"badge-{number:04}" for number in range(1, TAGS + 1)}


def test_no_life_was_given_twice(run):
    lives = [(row["uid"], row["epoch"]) for row in of_outcome(run.report, "done")]
    assert len(set(lives)) == len(lives) == TAGS


def test_the_report_says_what_the_ledger_holds(run):
    assert ledger_of(run.report) == held_by(run.ledger)


def test_journal_and_report_agree_on_labels(run):
    told = {row["uid"]: row["label"] for row in of_outcome(run.report, "done")}
    assert {str(known.uid): known.label for known in run.known()} == told
