"""`ntag424 provision`: one tag."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from ntag424.errors import OriginalityError
from ntag424_provisioning.cli.enrol_option import CredentialFile, Enrol
from ntag424_provisioning.cli.frame import Json, can_ask, confirm, say
from ntag424_provisioning.cli.profile_option import (
    AllowIrreversible,
    ChangeUrl,
    CounterLimit,
    FileData,
    InsecureHttp,
    Never,
    Url,
    read_profile,
)
from ntag424_provisioning.cli.reader_option import Reader
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.working import Wait, bench_of, require_backup, show, work
from ntag424_provisioning.engine.bench import Bench, Result
from ntag424_provisioning.engine.jobs import Origin, UrlChange
from ntag424_provisioning.engine.jobs import provision as run
from ntag424_provisioning.errors import RefusedError, WorkingTagError

AnyChip = Annotated[
    bool,
    typer.Option("--any-chip", help="Also chips whose UID NXP did not sign: simulated ones."),
]
Label = Annotated[str, typer.Option("--label", help="A name for the tag, kept in the vault.")]


def provision(
    *,
    url: Url,
    file_data: FileData = None,
    counter_limit: CounterLimit = None,
    irreversible: Never = None,
    insecure_http: InsecureHttp = False,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    enrol: Enrol = None,
    credential_file: CredentialFile = None,
    label: Label = "",
    wait: Wait = 60,
    allow_irreversible: AllowIrreversible = False,
    any_chip: AnyChip = False,
    change_url: ChangeUrl = False,
    as_json: Json = False,
) -> None:
    """Write keys and URL to the tag on the reader, prove that it works, and enrol it.

    A tag that is so already is left alone; one that works with another URL is changed
    when you say so. Whatever interrupts this, "ntag424 repair"
    finishes it: nothing is changed before it was written down.
    """
    profile = read_profile(
        url,
        file_data,
        counter_limit,
        irreversible,
        allow_irreversible=allow_irreversible,
        insecure_http=insecure_http,
    )
    origin = Origin.ANY if any_chip else Origin.NXP
    with open_vault(vault, key_file, passphrase_file) as opened:
        require_backup(opened)
        with bench_of(
            opened, reader, wait=wait, enrol=enrol, credential_file=credential_file
        ) as bench:
            job = partial(run, profile=profile, label=label, origin=origin)
            result = _written(bench, job, change_url=change_url)
    show(result, as_json=as_json)


def _written(bench: Bench, job: Callable[..., Result], *, change_url: bool) -> Result:
    """Do the job; where that would change the URL of a working tag, ask first."""
    meant = partial(job, url_change=UrlChange.MEANT)
    try:
        return work(bench, meant if change_url else job)
    except OriginalityError as error:
        hint = f"{error.hint} Simulated tags take --any-chip."
        raise OriginalityError(str(error), hint=hint) from error
    except WorkingTagError as error:
        if not can_ask():
            raise
        say(f"! {error}.")
        if not confirm("Change it?", unasked="--change-url"):
            raise RefusedError("nothing was done") from None
        return _written(bench, job, change_url=True)
