"""What every command asks that writes tags: which URL, and which options of the chip."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from ntag424 import UrlTemplate
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.model import Irreversible, Profile

#: What is put behind an address that has no placeholders.
DEFAULT_MIRRORS = "#k={kv}{epoch}&p={picc}&m={mac}"

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="NTAG424_URL",
        metavar="TEMPLATE",
        help=f"URL of the tags, as a template. Without placeholders, {DEFAULT_MIRRORS} is added.",
    ),
]
MaybeUrl = Annotated[
    str | None,
    typer.Option("--url", envvar="NTAG424_URL", metavar="TEMPLATE", help="URL of the tags."),
]
FileData = Annotated[
    str | None, typer.Option("--file-data", metavar="HEX", help="Bytes for {file:N}.")
]
CounterLimit = Annotated[
    int | None,
    typer.Option("--counter-limit", min=1, max=0xFFFFFF, help="The last read the tag answers."),
]
Never = Annotated[
    list[Irreversible] | None,
    typer.Option("--irreversible", help="Tell the chip something that can never be undone."),
]
AllowIrreversible = Annotated[
    bool, typer.Option("--allow-irreversible", help="Mean what --irreversible says.")
]
InsecureHttp = Annotated[
    bool,
    typer.Option("--insecure-http", help="Mean a URL with http://, which others can read."),
]
ChangeUrl = Annotated[
    bool, typer.Option("--change-url", help="Also tags that work with another URL.")
]


def read_template(url: str, *, option: str = "--url", insecure_http: bool = False) -> UrlTemplate:
    """Read an option that gives the URL of the tags.

    Raises:
        SetupError: it breaks a rule, or is not encrypted and *insecure_http* does not mean that.

    """
    try:
        template = UrlTemplate(url if "{" in url else url + DEFAULT_MIRRORS)
    except ValueError as error:
        hint = f"For example https://id.example.com/t{DEFAULT_MIRRORS}"
        raise SetupError(f"{option}: {error}", hint) from None
    if template.text.startswith("http://") and not insecure_http:
        raise SetupError(
            f"{option}: http:// sends each tap unencrypted, and whoever reads it on the way can "
            "use it first",
            "Write https://; if nobody else is on the way, add --insecure-http.",
        )
    return template


def read_profile(
    url: str,
    file_data: str | None = None,
    counter_limit: int | None = None,
    irreversible: list[Irreversible] | None = None,
    *,
    allow_irreversible: bool = False,
    insecure_http: bool = False,
) -> Profile:
    """Read the options above.

    Raises:
        SetupError: they contradict each other, or something irreversible is not meant.

    """
    if irreversible and not allow_irreversible:
        names = ", ".join(irreversible)
        raise SetupError(
            f"{names} can never be undone", "Add --allow-irreversible if that is meant."
        )
    template = read_template(url, insecure_http=insecure_http)
    try:
        return Profile(template, _bytes(file_data), counter_limit, frozenset(irreversible or ()))
    except ValueError as error:
        hint = "Change the template, or the option that it does not go with."
        raise SetupError(f"no tag can be written so: {error}", hint) from None


def _bytes(text: str | None) -> bytes | None:
    if text is not None and not re.fullmatch("(?:[0-9A-Fa-f]{2})+", text, re.ASCII):
        raise SetupError(
            "--file-data is not hex", "Write bytes as hex digits, without separators."
        )
    return None if text is None else bytes.fromhex(text)
