"""The option `--enrol` of every command that gives a tag a new life."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ntag424_provisioning import enrolment
from ntag424_provisioning.cli.frame import say
from ntag424_provisioning.enrolment import Later, OpenEnroller
from ntag424_provisioning.errors import SetupError

_LATER = "later"
_LEDGER, _IDENTITY = "sqlite:///", "?identity="
_HINT = (
    "Write https://id.example.com, sqlite:////path/of/ledger.db?identity=/path/of/identity.json, "
    "or later."
)

Enrol = Annotated[
    str | None,
    typer.Option(
        "--enrol",
        envvar="NTAG424_ENROL",
        metavar="URL|later",
        help="Who shall accept the tag's taps: https://HOST, "
        "sqlite:////LEDGER?identity=/FILE, or later, by `tags export`. Default: later.",
    ),
]
CredentialFile = Annotated[
    Path | None,
    typer.Option(
        "--credential-file",
        envvar="NTAG424_CREDENTIAL_FILE",
        help="For https: the file, mode 600, with the credential that the service drew.",
    ),
]


def open_enroller(enrol: str | None, credential_file: Path | None) -> OpenEnroller:
    """Open whoever enrols tags, before any is touched; close it, or use it in a `with`.

    Raises:
        SetupError: it is named wrongly, or cannot be used now.

    """
    if enrol is None:
        say("Tags are not enrolled now (--enrol): no service accepts their taps before it is told")
        say('of them, with "ntag424 tags export --signed".')
    if enrol is None or enrol == _LATER:
        return Later()
    if enrol.startswith(_LEDGER):
        store, found, identity = enrol.removeprefix(_LEDGER).rpartition(_IDENTITY)
        if not (store and found and identity):
            raise SetupError("--enrol names no ledger with its identity file", _HINT)
        return enrolment.ledger_enroller(Path(store), Path(identity))
    if not enrol.startswith(("https://", "http://")):
        raise SetupError("--enrol is neither a service, nor a ledger, nor later", _HINT)
    if credential_file is None:
        raise SetupError(
            "a service enrols nobody without a credential",
            "Name its file with --credential-file, or with NTAG424_CREDENTIAL_FILE.",
        )
    return enrolment.http_enroller(enrol, credential_file)
