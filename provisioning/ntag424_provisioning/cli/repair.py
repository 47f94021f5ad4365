"""`ntag424 repair`: finish what was begun."""

from __future__ import annotations

from typing import Annotated

import typer

from ntag424_provisioning.cli.enrol_option import CredentialFile, Enrol
from ntag424_provisioning.cli.frame import Json, confirm, say
from ntag424_provisioning.cli.profile_option import InsecureHttp, MaybeUrl, read_profile
from ntag424_provisioning.cli.provision import AnyChip
from ntag424_provisioning.cli.reader_option import Reader
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.working import Wait, bench_of, show, work
from ntag424_provisioning.engine.diagnose import Diagnosis, allow_more_attempts, diagnose
from ntag424_provisioning.engine.jobs import Origin
from ntag424_provisioning.engine.jobs import repair as run
from ntag424_provisioning.errors import RefusedError

Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
MoreAttempts = Annotated[
    bool,
    typer.Option(
        "--more-attempts",
        help="Try keys again after the limit; a thousand failures lock a key for good.",
    ),
]


def repair(
    *,
    url: MaybeUrl = None,
    insecure_http: InsecureHttp = False,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    enrol: Enrol = None,
    credential_file: CredentialFile = None,
    wait: Wait = 60,
    any_chip: AnyChip = False,
    more_attempts: MoreAttempts = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Finish what was begun with the tag on the reader: it works afterwards.

    Looks first, says what it will do, and does it when you say yes. --url says what a
    tag is to become that this vault has no record of.
    """
    profile = None if url is None else read_profile(url, insecure_http=insecure_http)
    origin = Origin.ANY if any_chip else Origin.NXP
    with (
        open_vault(vault, key_file, passphrase_file) as opened,
        bench_of(opened, reader, wait=wait, enrol=enrol, credential_file=credential_file) as bench,
    ):
        if more_attempts:
            allow_more_attempts(bench)
        found = diagnose(bench)
        _announce(found)
        if not (yes or found.is_sound or confirm("Go on?", unasked="--yes")):
            raise RefusedError("nothing was done")
        result = work(bench, lambda b: run(b, profile, origin=origin))
    show(result, as_json=as_json)


def _announce(found: Diagnosis) -> None:
    say(f"Tag {found.uid}: {found.finding}")
    say(f"Will: {found.intention}")
    if found.warning:
        say(f"! {found.warning}")
