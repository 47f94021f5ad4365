"""A job on a tag at the keyboard: wait for the tag, report, and have it put back if it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ntag424.errors import NoTagError, ReaderError, TagChangedError, TransportError
from ntag424_provisioning.cli.enrol_option import open_enroller
from ntag424_provisioning.cli.frame import can_ask, say, tell
from ntag424_provisioning.cli.reader_option import open_reader
from ntag424_provisioning.cli.showing import result_record, result_text, step_line
from ntag424_provisioning.engine.bench import Bench, Progress, Result
from ntag424_provisioning.engine.jobs import repair
from ntag424_provisioning.engine.recognise import Recogniser
from ntag424_provisioning.errors import InDoubtError, RefusedError
from ntag424_provisioning.links import Link
from ntag424_provisioning.vault import Vault

Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for a tag on the reader.")
]
#: Between two looks whether the right tag came back.
_PAUSE = 0.3


@contextmanager
def bench_of(
    vault: Vault,
    reader: str | None,
    *,
    wait: float,
    enrol: str | None,
    credential_file: Path | None = None,
) -> Iterator[Bench]:
    """Open reader and ledger, and wait until a tag is there.

    Raises:
        VaultError: the journal cannot be written; no tag was spoken to.
        SetupError, ReaderError, TransportError: see `open_enroller` and `open_reader`.

    """
    with ExitStack() as closing:
        # Before the reader: recognising a tag takes commands too.
        vault.require_writable()
        keyring = vault.keyring()
        enroller = closing.enter_context(open_enroller(enrol, credential_file))
        link = open_reader(reader, identify=Recogniser(keyring))
        closing.callback(link.close)
        await_tag(link, wait)
        yield Bench(link, vault, keyring, enroller, _watch)


def await_tag(link: Link, seconds: float) -> None:
    """Connect to the tag on the reader, asking for one where there is none."""
    try:
        link.wait_for_tag(0)
    except NoTagError:
        if not seconds:
            raise
        say("Place the tag on the reader...")
        link.wait_for_tag(seconds)


def require_backup(vault: Vault) -> None:
    """Refuse to write tags whose keys nobody could bring back.

    Raises:
        RefusedError: no backup of the master keys was confirmed.

    """
    if not vault.backup_is_confirmed:
        raise RefusedError(
            "no backup of the master keys was confirmed: without one, losing this vault loses "
            "every tag that it writes",
            'Print one with "ntag424 keys backup", then say so: "ntag424 keys backup --confirm".',
        )


def work(bench: Bench, job: Callable[[Bench], Result]) -> Result:
    """Do *job*; where the tag leaves and somebody is there, have it put back and finish.

    Raises:
        As the job does; what was begun can be finished with `repair` at any time.

    """
    try:
        while True:
            try:
                return job(bench)
            except InDoubtError as error:
                if not (_is_gone(error) and can_ask()):
                    raise
                say(f"! {error}")
                say("  Put it back: nothing is lost. Ctrl-C ends this; repair goes on later.")
                _await_return(bench.link)
                job = repair
    except KeyboardInterrupt:
        say('Stopped. A tag that was begun is in the journal: "ntag424 repair" finishes it.')
        raise


def show(result: Result, *, as_json: bool) -> None:
    """Print how a job ended."""
    tell(result_record(result), result_text(result), as_json=as_json)


def _watch(progress: Progress) -> None:
    say(step_line(progress))


def _is_gone(error: InDoubtError) -> bool:
    return isinstance(error.__cause__, TransportError | ReaderError)


def _await_return(link: Link) -> None:
    told = ""
    while True:
        try:
            link.reconnect()
        except (NoTagError, TransportError):
            time.sleep(_PAUSE)
        except TagChangedError as error:
            if str(error) != told:
                told = str(error)
                say(f"! {told}: nothing is sent to it.")
            time.sleep(_PAUSE)
        else:
            return
