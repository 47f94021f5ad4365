"""`ntag424 inspect`: everything that a tag tells without a key, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated

import typer

from ntag424 import Mode
from ntag424.errors import Ntag424Error
from ntag424.flow import run
from ntag424.session import Session
from ntag424_provisioning.cli.frame import Json, tell
from ntag424_provisioning.cli.profile_option import InsecureHttp, MaybeUrl, read_profile
from ntag424_provisioning.cli.reader_option import Reader, open_reader
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.verifiers import verifier_of
from ntag424_provisioning.cli.working import Wait, await_tag
from ntag424_provisioning.engine.defects import Defect, Expectation, defects, unexpected
from ntag424_provisioning.engine.observe import Observation, observe
from ntag424_provisioning.engine.own_tap import own_tap
from ntag424_provisioning.exits import Exit
from ntag424_provisioning.links import Link
from ntag424_provisioning.model import Goal, Profile
from ntag424_provisioning.model.image import NDEF_FILE
from ntag424_provisioning.vault import Vault

WithVault = Annotated[
    bool,
    typer.Option("--with-vault", help="Compare with what the vault, and --url, say of the tag."),
]


def inspect(
    *,
    url: MaybeUrl = None,
    insecure_http: InsecureHttp = False,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    wait: Wait = 60,
    with_vault: WithVault = False,
    as_json: Json = False,
) -> None:
    """Show what the tag on the reader tells everybody, and name what is wrong with it.

    Nothing is changed, and no attempt is spent. It counts as one tap. Exit code 5 if
    something is wrong.
    """
    profile = None if url is None else read_profile(url, insecure_http=insecure_http)
    link = open_reader(reader)
    try:
        await_tag(link, wait)
        seen = run(observe(), link)
        signed = _is_signed(link, seen)
    finally:
        link.close()
    found = defects(seen, signed=signed)
    if with_vault:
        with open_vault(vault, key_file, passphrase_file) as opened:
            found += _compared(seen, opened, profile)
    tell(_record(seen, found, signed=signed), _text(seen, found, signed=signed), as_json=as_json)
    if found:
        raise typer.Exit(Exit.REFUSED)


def _compared(seen: Observation, vault: Vault, profile: Profile | None) -> list[Defect]:
    keyring = vault.keyring()
    tap = own_tap(seen, keyring)
    uid = seen.uid or (None if tap is None else tap.uid)
    known = None if uid is None else vault.find(uid)
    goal = None if known is None else known.goal
    if profile is not None and tap is not None and tap.generation is not None:
        generation = tap.generation if goal is None else goal.generation
        goal = Goal(profile, generation)
    if uid is None or goal is None or goal.profile is None:
        return unexpected(seen, tap, None)
    scheme = next(v.scheme for v in keyring if v.ordinal == goal.generation.key_version)
    mode = Mode.AES if tap is None else tap.mode
    image = goal.image(uid, scheme, mode)
    verifier = verifier_of(goal.profile.template, keyring, mode)
    return unexpected(seen, tap, Expectation(image, verifier, goal.generation))


def _is_signed(link: Link, seen: Observation) -> bool | None:
    """Whether NXP signed the UID; None where random IDs hide both."""
    if seen.uid is None:
        return None
    try:
        Session(link).check_originality(seen.uid)
    except Ntag424Error:
        return False
    return True


def _record(seen: Observation, found: list[Defect], *, signed: bool | None) -> dict[str, object]:
    settings = {
        number: None if one is None else bytes(one).hex().upper()
        for number, one in seen.settings.items()
    }
    return {
        "uid": None if seen.uid is None else str(seen.uid),
        "chip": _chip(seen),
        "signed_by_nxp": signed,
        "key_versions": list(seen.key_versions),
        "settings": settings,
        "cc": seen.cc.hex().upper(),
        "has_url": seen.url is not None,
        "tamper": None if seen.tamper is None else seen.tamper.name.lower(),
        "defects": [{"kind": one.kind.value, "text": one.text} for one in found],
    }


def _text(seen: Observation, found: list[Defect], *, signed: bool | None) -> str:
    versions = " ".join("??" if one is None else f"{one:02X}" for one in seen.key_versions)
    origin = {True: "signed by NXP", False: "not signed", None: "signature hidden"}[signed]
    lines = [
        f"{_chip(seen)}  {seen.uid or 'UID hidden by random IDs'}  {origin}",
        f"key versions 0 to 4: {versions}",
        f"NDEF file: {_ndef(seen)}",
        *(f"✗ {one.kind.value}: {one.text}" for one in found),
    ]
    return "\n".join(lines if found else [*lines, "✓ nothing is wrong with it"])


def _chip(seen: Observation) -> str:
    return "NTAG 424 DNA TagTamper" if seen.version.has_tag_tamper else "NTAG 424 DNA"


def _ndef(seen: Observation) -> str:
    settings = seen.settings[NDEF_FILE]
    if settings is None:
        return "settings that no tag should have"
    sdm = "SDM off" if settings.sdm is None else "SDM on"
    rights = bytes(settings.access).hex().upper()
    content = "a URL" if seen.url is not None else "no URL"
    return f"{content}, {sdm}, access rights {rights}"
