"""A whole run: one worker for each reader, one queue of events, one report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from ntag424 import Mode, Ntag424Error, Verifier
from ntag424_provisioning.errors import RefusedError
from ntag424_provisioning.links import Link
from ntag424_provisioning.model import KnownTag
from ntag424_provisioning.station._batch import Batch
from ntag424_provisioning.station._control import Control
from ntag424_provisioning.station._events import (
    Event,
    FirstArticleWanted,
    ReaderGone,
    RunBegan,
    RunEnded,
)
from ntag424_provisioning.station._first_article import Operator, inspect
from ntag424_provisioning.station._post import Post, Site, Stock, Times
from ntag424_provisioning.station._reasons import StopReason
from ntag424_provisioning.station._report import NoReport, Records
from ntag424_provisioning.station._resume import labels_given, resume
from ntag424_provisioning.station._settings import FEW, Provisioning, StationSettings
from ntag424_provisioning.station._summary import Summary
from ntag424_provisioning.station._worker import Worker

# Seconds that a worker has for ending when everything is to end at once.
_LAST_CALL = 5.0


def run_station(
    settings: StationSettings,
    links: Mapping[str, Link],
    stock: Stock,
    listen: Callable[[Event], None],
    *,
    records: Records | None = None,
    known: Iterable[KnownTag] = (),
    control: Control | None = None,
    operator: Operator | None = None,
    times: Times | None = None,
) -> Summary:
    """Work through the tags that are laid on the readers *links*, until the run is over.

    *listen* is called in this thread, with one event after the other. *known* are the tags
    that the journal has: their labels are not given again. The links stay open.

    Raises:
        RefusedError: a first article is to be confirmed, and there is no *operator*.
        SetupError: labels, report and journal contradict each other, or cannot be used.

    """
    records, times = records or NoReport(), times or Times()
    resume(records, stock, times)
    labels = labels_given(records.history, known)
    site = Site(stock, control or Control(), times)
    batch = Batch(settings, site, records, labels)
    if batch.wants_first_article and operator is None:
        raise RefusedError(
            f"the first of more than {FEW} tags must be confirmed with phones, and nobody is here",
            "Run it on a terminal, or say --skip-first-article if these tags were tried before.",
        )
    run = _Run(settings, site, batch, listen, operator)
    summary = run.over([Post(name, link, site) for name, link in links.items()])
    batch.close()
    return summary


class _Run:
    """The main thread's part: it tells, asks, and counts who still works."""

    def __init__(
        self,
        settings: StationSettings,
        site: Site,
        batch: Batch,
        listen: Callable[[Event], None],
        operator: Operator | None,
    ) -> None:
        self._settings = settings
        self._stock = site.stock
        self._control = site.control
        self._times = site.times
        self._batch = batch
        self._listen = listen
        self._operator = operator
        self._crash: BaseException | None = None
        self._gone: Ntag424Error | None = None
        self._working = 0

    def over(self, posts: Sequence[Post]) -> Summary:
        """Run until it is over."""
        began = self._times.clock()
        batch = self._batch
        readers = tuple(post.reader for post in posts)
        earlier, target = len(batch.tally.earlier), self._settings.target
        self._listen(RunBegan(self._settings.batch, readers, earlier, target))
        self._work([Worker(post, batch, self._settings.task) for post in posts])
        if not self._control.is_aborted:
            for event in batch.enrol_rest():
                self._listen(event)
        batch.conclude()
        summary = self._summary(self._times.clock() - began)
        self._listen(RunEnded(summary))
        return summary

    def _work(self, workers: list[Worker]) -> None:
        self._working = len(workers)
        # Daemons: a driver that hangs must not keep the program from ending.
        threads = [
            threading.Thread(target=self._let_run, args=(worker,), daemon=True)
            for worker in workers
        ]
        for thread in threads:
            thread.start()
        try:
            while self._working:
                self._next()
        except BaseException:
            self._control.abort()
            for thread in threads:
                thread.join(_LAST_CALL)
            raise
        if self._crash is not None:
            raise self._crash
        # Nobody is left: where nobody said why, the readers went one after the other.
        self._control.stop(StopReason.READERS, self._gone)

    def _let_run(self, worker: Worker) -> None:
        try:
            worker.run()
        except BaseException as crash:  # noqa: BLE001 - it is raised in the main thread
            self._crash = crash
            self._control.stop(StopReason.QUIT)
        finally:
            self._control.events.put(self._count_down)

    def _count_down(self) -> None:
        self._working -= 1

    def _next(self) -> None:
        told = self._control.events.get()
        if not isinstance(told, Event):
            told()
            return
        self._listen(told)
        if isinstance(told, ReaderGone):
            self._gone = told.error
        if isinstance(told, FirstArticleWanted):
            self._inspect(told)

    def _inspect(self, shown: FirstArticleWanted) -> None:
        task, operator = self._settings.task, self._operator
        if self._control.is_stopping or operator is None or not isinstance(task, Provisioning):
            return
        mode = task.profile.mode or Mode.AES
        verifier = Verifier(task.profile.template, self._stock.keyring, mode=mode)
        counter = inspect(shown, verifier, operator)
        if counter is not None:
            self._listen(self._batch.confirm(shown, counter))
            return
        self._control.stop(
            StopReason.FIRST_ARTICLE,
            RefusedError(
                f"tag {shown.uid} was not confirmed with two phones",
                "It works as far as the reader can tell. Find out what the phones made of it.",
            ),
        )

    def _summary(self, seconds: float) -> Summary:
        tally, control = self._batch.tally, self._control
        return Summary(
            reason=control.stop_reason or StopReason.QUIT,
            error=control.stop_error,
            done=len(tally.done),
            earlier=len(tally.earlier),
            already_ours=len(tally.already),
            failed=tally.failed,
            in_doubt=tuple(tally.in_doubt.values()),
            not_enrolled=tuple(tally.not_enrolled.values()),
            seconds=seconds,
            is_interrupted=control.is_interrupted,
        )
