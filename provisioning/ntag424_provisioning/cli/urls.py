"""The commands that look at URLs, offline: `verify` and `explain`; and `tap`, which reads one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

import ntag424
from ntag424 import VerificationError, Verifier
from ntag424.flow import run
from ntag424_provisioning.cli.frame import Json, tell
from ntag424_provisioning.cli.profile_option import InsecureHttp, Url, read_template
from ntag424_provisioning.cli.reader_option import Reader, open_reader
from ntag424_provisioning.cli.showing import masked, tap_record, tap_text
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.verifiers import verifier_of
from ntag424_provisioning.cli.working import Wait, await_tag
from ntag424_provisioning.engine.observe import observe
from ntag424_provisioning.errors import NotOurChipError
from ntag424_provisioning.exits import Exit

Address = Annotated[str, typer.Argument(metavar="URL|-", help="The URL, or - for one per line.")]
ShowUrl = Annotated[bool, typer.Option("--show-url", help="Show the URL with its whole MAC.")]


def verify(
    address: Address,
    *,
    url: Url,
    insecure_http: InsecureHttp = False,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Verify the URL of a tap, offline: whether it is fresh, only a ledger knows."""
    template = read_template(url, insecure_http=insecure_http)
    with open_vault(vault, key_file, passphrase_file) as opened:
        verifier = verifier_of(template, opened.keyring())
    results = [_verify(line, verifier, as_json=as_json) for line in _lines(address)]
    if not all(results):
        raise typer.Exit(Exit.NOT_GENUINE)


def explain(
    address: Address,
    *,
    url: Url,
    insecure_http: InsecureHttp = False,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Say why the URL of a tap does not verify: under what key or settings it would."""
    template = read_template(url, insecure_http=insecure_http)
    with open_vault(vault, key_file, passphrase_file) as opened:
        verifier = verifier_of(template, opened.keyring())
    results = [_explain(line, verifier, as_json=as_json) for line in _lines(address)]
    if not all(results):
        raise typer.Exit(Exit.NOT_GENUINE)


def tap(
    *,
    url: Url,
    insecure_http: InsecureHttp = False,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    wait: Wait = 60,
    show_url: ShowUrl = False,
    as_json: Json = False,
) -> None:
    """Read the tag on the reader as a phone does, and verify its URL."""
    template = read_template(url, insecure_http=insecure_http)
    with open_vault(vault, key_file, passphrase_file) as opened:
        verifier = verifier_of(template, opened.keyring())
    link = open_reader(reader)
    try:
        await_tag(link, wait)
        address = run(observe(), link).url
    finally:
        link.close()
    if address is None:
        raise NotOurChipError("there is no URL on the tag", 'Write one: "ntag424 provision".')
    shown = address if show_url else masked(address, template)
    if not _verify(address, verifier, as_json=as_json, shown=shown):
        raise typer.Exit(Exit.NOT_GENUINE)


def _verify(address: str, verifier: Verifier, *, as_json: bool, shown: str = "") -> bool:
    seen = {"url": shown} if shown else {}
    text = f"{shown}\n" if shown else ""
    try:
        tap = verifier.verify(address)
    except VerificationError as error:
        record = {"verifies": False, "error": str(error), "hint": error.hint}
        told = f"✗ {error}. {error.hint}\n  Why: ntag424 explain"
        tell(seen | record, text + told, as_json=as_json)
        return False
    tell(seen | tap_record(tap), text + tap_text(tap), as_json=as_json)
    return True


def _explain(address: str, verifier: Verifier, *, as_json: bool) -> bool:
    # Keys that everybody knows are no candidates: what they confirm is not verified.
    explanation = ntag424.explain(address, [verifier])
    record = {
        "verifies": explanation.verifies,
        "findings": [
            {"problem": finding.problem.name.lower(), "text": finding.text, "hint": finding.hint}
            for finding in explanation.findings
        ],
        "evidence": None if explanation.evidence is None else str(explanation.evidence),
        "identity": None if explanation.identity is None else str(explanation.identity),
        "complete": explanation.complete,
    }
    tell(record, str(explanation), as_json=as_json)
    return explanation.verifies


def _lines(address: str) -> Iterator[str]:
    if address != "-":
        yield address
        return
    for line in sys.stdin:
        if line.strip():
            yield line.rstrip("\r\n")
