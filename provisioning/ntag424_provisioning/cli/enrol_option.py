"""The option `--enrol` of every command that gives a tag a new life."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer

from ntag424.errors import StoreUrlError
from ntag424_provisioning import enrolment
from ntag424_provisioning.cli.frame import say
from ntag424_provisioning.enrolment import Later, OpenEnroller
from ntag424_provisioning.errors import SetupError

_LATER = "later"
_IDENTITY = "identity="
_HINT = (
    "Write https://id.example.com, sqlite:////path/of/ledger.db?identity=/path/of/identity.json "
    "or the like for another store, or later."
)

Enrol = Annotated[
    str | None,
    typer.Option(
        "--enrol",
        envvar="NTAG424_ENROL",
        metavar="URL|later",
        help="Who shall accept the tag's taps: https://HOST, sqlite:////LEDGER?identity=/FILE "
        "(so too redis, postgresql), or later, by `tags export`. Default: later.",
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
    if not enrol.startswith(("https://", "http://")):
        return _open_ledger(*_take_identity_out(enrol))
    if credential_file is None:
        raise SetupError(
            "a service enrols nobody without a credential",
            "Name its file with --credential-file, or with NTAG424_CREDENTIAL_FILE.",
        )
    return enrolment.http_enroller(enrol, credential_file)


def _open_ledger(url: str, identity: str) -> OpenEnroller:
    # It takes its time to load.
    from ntag424.replay import store_at  # noqa: PLC0415

    if not (url and identity):
        raise SetupError(
            "--enrol is neither a service, nor a ledger with its identity file, nor later", _HINT
        )
    try:
        store = store_at(url)
    except StoreUrlError as error:
        raise SetupError(f"--enrol names no ledger: {error}", error.hint) from None
    return enrolment.ledger_enroller(store, Path(identity))


def _take_identity_out(url: str) -> tuple[str, str]:
    """Return the URL of the store, and the identity file; either may be empty."""
    if url.startswith("sqlite:"):
        # A path may hold anything, and nothing else is said of such a store.
        store, _, identity = url.rpartition(f"?{_IDENTITY}")
        return store, identity
    store, _, query = url.partition("?")
    words = query.split("&")
    named = [word for word in words if word.startswith(_IDENTITY)]
    others = "&".join(word for word in words if word not in named)
    identity = unquote(named[0].removeprefix(_IDENTITY)) if len(named) == 1 else ""
    return f"{store}?{others}" if others else store, identity
