"""`ntag424 station`: hundreds of tags in a row."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ntag424_provisioning.cli.enrol_option import CredentialFile, Enrol, open_enroller
from ntag424_provisioning.cli.frame import Json, ask, can_ask
from ntag424_provisioning.cli.profile_option import (
    AllowIrreversible,
    ChangeUrl,
    CounterLimit,
    FileData,
    InsecureHttp,
    MaybeUrl,
    Never,
    read_profile,
)
from ntag424_provisioning.cli.provision import AnyChip
from ntag424_provisioning.cli.reader_option import choose, connected
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.working import require_backup
from ntag424_provisioning.engine.jobs import Origin, UrlChange
from ntag424_provisioning.engine.recognise import Recogniser
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.links import Link, ReaderName, open_link, parse_reader
from ntag424_provisioning.station import (
    FirstArticle,
    LabelSource,
    LabelTemplate,
    Manifest,
    NoReport,
    Provisioning,
    Report,
    Rotation,
    StationSettings,
    Stock,
    Summary,
    Task,
    run_station,
    summary_text,
)
from ntag424_provisioning.station.seating import Seat, Show, Sound, best_show, seat

Readers = Annotated[
    list[str] | None,
    typer.Option(
        "--reader",
        metavar="READER",
        help="As elsewhere; given several times, all of them work at once.",
    ),
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="TEXT", help='Names of the tags, as "badge-{n:04}".'),
]
First = Annotated[int, typer.Option("--first", min=0, help="Where {n} begins to count.")]
ManifestPath = Annotated[
    Path | None,
    typer.Option("--manifest", help="Names of the tags: CSV, label[,uid][,file_data]."),
]
Count = Annotated[int | None, typer.Option("--count", min=1, help="End when so many are done.")]
ReportPath = Annotated[
    Path | None,
    typer.Option("--report", help="Results as they happen, .csv or .jsonl; a run goes on there."),
]
Name = Annotated[str, typer.Option("--batch", metavar="NAME", help="What the run is called.")]
SkipFirst = Annotated[
    bool, typer.Option("--skip-first-article", help="Do not have phones confirm the first tag.")
]
Rotate = Annotated[
    bool, typer.Option("--rotate", help="Move tags to the active key version, URLs as they are.")
]
Plain = Annotated[bool, typer.Option("--plain", help="A line for each event, no screen.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Ring no bell.")]


def station(
    *,
    url: MaybeUrl = None,
    file_data: FileData = None,
    counter_limit: CounterLimit = None,
    irreversible: Never = None,
    insecure_http: InsecureHttp = False,
    reader: Readers = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    enrol: Enrol = None,
    credential_file: CredentialFile = None,
    label: Label = None,
    first: First = 1,
    manifest: ManifestPath = None,
    count: Count = None,
    report: ReportPath = None,
    batch: Name = "",
    allow_irreversible: AllowIrreversible = False,
    any_chip: AnyChip = False,
    change_url: ChangeUrl = False,
    skip_first_article: SkipFirst = False,
    rotate: Rotate = False,
    plain: Plain = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write tag after tag, as they are laid on the readers; none is lost.

    Keys: q ends after this tag, u makes the last tag blank again, s gives a lost tag up
    for now. Ctrl-C ends after this tag, twice at once: "ntag424 repair", or the station,
    finishes what was begun. Started again with the same report, a run goes on.
    """
    labels = _labels(label, first, manifest)
    if rotate:
        task: Task = _rotation(labels)
    else:
        profile = read_profile(
            _required(url),
            file_data,
            counter_limit,
            irreversible,
            allow_irreversible=allow_irreversible,
            insecure_http=insecure_http,
        )
        origin = Origin.ANY if any_chip else Origin.NXP
        meant = UrlChange.MEANT if change_url else UrlChange.REFUSED
        task = Provisioning(profile, origin, labels, meant)
    article = FirstArticle.SKIPPED if skip_first_article else FirstArticle.REQUIRED
    settings = StationSettings(task, count, batch, article)
    show = Show.JSON if as_json else Show.LINES if plain else best_show()
    place = seat(show, Sound.QUIET if quiet else Sound.BELL, ask)
    means = _Means(
        vault, key_file, passphrase_file, enrol, credential_file, report, tuple(reader or ())
    )
    summary = means.run(settings, place)
    if not as_json:
        typer.echo(summary_text(summary))
    raise typer.Exit(summary.exit)


@dataclass(frozen=True, slots=True)
class _Means:
    """What a run takes beside its settings: files, a ledger, readers."""

    vault: Path | None
    key_file: Path | None
    passphrase_file: Path | None
    enrol: str | None
    credential_file: Path | None
    report: Path | None
    readers: tuple[str, ...]

    def run(self, settings: StationSettings, place: Seat) -> Summary:
        """Open everything, before any tag is touched, and run."""
        with ExitStack() as closing:
            vault = closing.enter_context(
                open_vault(self.vault, self.key_file, self.passphrase_file)
            )
            require_backup(vault)
            # Before the readers: recognising a tag takes commands too.
            vault.require_writable()
            report = self.report
            records = NoReport() if report is None else closing.enter_context(Report(report))
            enroller = closing.enter_context(open_enroller(self.enrol, self.credential_file))
            stock = Stock(vault, vault.keyring(), enroller)
            links = _links(self.readers, stock, closing)
            closing.enter_context(place.taken())
            return run_station(
                settings,
                links,
                stock,
                place,
                records=records,
                known=vault.tags(),
                control=place.control,
                operator=place if can_ask() else None,
            )


def _required(url: str | None) -> str:
    if url is None:
        raise SetupError("nobody said what URL the tags get", "Say --url, or --rotate.")
    return url


def _rotation(labels: LabelSource | None) -> Rotation:
    if labels is not None:
        raise SetupError("with --rotate tags keep the labels they have", "Leave it out.")
    return Rotation()


def _labels(label: str | None, first: int, manifest: Path | None) -> LabelSource | None:
    if label is not None and manifest is not None:
        raise SetupError("--label and --manifest both name the tags", "Leave one of them out.")
    if manifest is not None:
        return Manifest.read(manifest)
    return None if label is None else LabelTemplate(label, first=first)


def _links(named: Sequence[str], stock: Stock, closing: ExitStack) -> dict[str, Link]:
    """Open every reader, before any tag is touched."""
    readers = [parse_reader(text) for text in named] or [_only_reader()]
    links: dict[str, Link] = {}
    for reader in readers:
        if str(reader) in links:
            raise SetupError(f"{reader} is named twice", "Each reader works for itself.")
        link = open_link(reader, identify=Recogniser(stock.keyring))
        closing.callback(link.close)
        links[str(reader)] = link
    return links


def _only_reader() -> ReaderName:
    # Not typer's envvar: names of readers have spaces, at which it splits.
    named = os.environ.get("NTAG424_READER")
    return parse_reader(named) if named else choose(connected())
