"""`ntag424 apdu`: what the APDUs in a log say, and which part of them is wrong."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from ntag424 import Key, Uid
from ntag424.diagnosis import (
    AesSession,
    ApduDiagnosis,
    DecodedExchange,
    Exchange,
    Known,
    KnownKey,
    LrpSession,
    diagnose,
    exchange_text,
    read_log,
)
from ntag424.model.files import FileDescription, FileSettings
from ntag424_provisioning.cli.frame import Json, ask_secret, can_ask, say, tell
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.exits import Exit
from ntag424_provisioning.vault import Vault, read_private

Log = Annotated[str, typer.Argument(metavar="FILE|-", help="The log, or - for stdin.")]
Secrets = Annotated[
    Path | None,
    typer.Option(
        "--secrets",
        help="A file, mode 600, with a key on each line: key0 to key4, key for any slot, and "
        "of a session enc and mac, or master in LRP mode; then = and 32 hex digits.",
    ),
]
Typed = Annotated[bool, typer.Option("--type-keys", help="Type such lines, unseen.")]
WithVault = Annotated[
    bool, typer.Option("--with-vault", help="Try the keys that the vault has for the tag.")
]
TheUid = Annotated[
    str | None,
    typer.Option("--uid", metavar="HEX", help="The tag, where the log does not tell its UID."),
]
Ti = Annotated[
    str | None, typer.Option("--ti", metavar="HEX", help="TI of a session that is under way.")
]
Counter = Annotated[
    int, typer.Option("--counter", min=0, max=0xFFFF, help="CmdCtr of the first command.")
]
EncCounter = Annotated[
    int, typer.Option("--enc-counter", min=0, max=0xFFFFFFFF, help="EncCtr, in LRP mode.")
]
KeyNumber = Annotated[
    int | None,
    typer.Option("--key-number", min=0, max=4, help="The key that began that session."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--settings", metavar="FILE:HEX", help="What GetFileSettings answers for a file."
    ),
]
ShowKeys = Annotated[
    bool, typer.Option("--show-keys", help="Show the keys that ChangeKey carries.")
]

_LINE = re.compile(r"\s*(key[0-4]?|enc|mac|master)\s*=\s*([0-9A-Fa-f]{32})\s*")
_FACTORY = Key(bytes(16))
#: Longest log that is read; a session has some hundred lines.
_MOST_CHARACTERS = 2_000_000


def apdu(
    log: Log = "-",
    *,
    secrets: Secrets = None,
    type_keys: Typed = False,
    with_vault: WithVault = False,
    uid: TheUid = None,
    ti: Ti = None,
    counter: Counter = 0,
    enc_counter: EncCounter = 1,
    key_number: KeyNumber = None,
    settings: Settings = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    show_keys: ShowKeys = False,
    as_json: Json = False,
) -> None:
    """Read the APDUs of a log, check everything in them, and name the part that is wrong.

    Offline. With the application key an authentication is followed from its log alone;
    factory keys are always tried. Exit code 5 if something is wrong or was refused.
    """
    exchanges = read_log(_text(log))
    if not exchanges:
        raise SetupError(
            "there is nothing like an APDU in the log",
            "Give a line of hex for each command and each answer, such as --> 90 60 00 00 00.",
        )
    given = _secrets(secrets, typed=type_keys)
    files = dict(_settings(each) for each in settings or ())
    session = _session(given, ti, counter, enc_counter, key_number)
    keys = _application_keys(given)
    if with_vault:
        with open_vault(vault, key_file, passphrase_file) as opened:
            keys += _of_vault(opened, _uid(uid, exchanges, keys))
    keys.append(KnownKey("the factory key", _FACTORY))
    found = diagnose(exchanges, Known(keys=tuple(keys), session=session, settings=files))
    _show(found, show_keys=show_keys, as_json=as_json)


def _show(found: ApduDiagnosis, *, show_keys: bool, as_json: bool) -> None:
    for number, each in enumerate(found.exchanges, 1):
        record = _record(each, reveal=show_keys)
        tell(record, exchange_text(number, each, reveal=show_keys), as_json=as_json)
    refused = any(each.is_refused for each in found.exchanges)
    if not found.faults and not refused:
        say("✓ nothing is wrong in what could be checked")
        return
    say(f"✗ faults: {len(found.faults)}" if found.faults else "! refused, and no fault was found")
    raise typer.Exit(Exit.REFUSED)


def _record(decoded: DecodedExchange, *, reveal: bool) -> dict[str, object]:
    exchange = decoded.exchange
    return {
        "line": exchange.line,
        "command": decoded.name,
        "fields": {field.name: field.shown(reveal=reveal) for field in decoded.fields},
        "status": None if exchange.answer is None else exchange.answer[-2:].hex().upper(),
        "cause": decoded.cause,
        "advice": decoded.advice,
        "faults": [{"part": fault.part.value, "text": fault.text} for fault in decoded.faults],
    }


def _text(log: str) -> str:
    if log == "-":
        return sys.stdin.read(_MOST_CHARACTERS)
    try:
        with Path(log).open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_CHARACTERS)
    except OSError as error:
        text = f"the log {log} cannot be read: {error.strerror}"
        raise SetupError(
            text, "Name a file, or - to paste the log and end it with Ctrl-D."
        ) from error


# ---- what is known --------------------------------------------------------------------------


def _secrets(path: Path | None, *, typed: bool) -> list[tuple[str, Key]]:
    lines: list[str] = []
    if path is not None:
        lines += read_private(path, "secrets file").decode("utf-8", "replace").splitlines()
    if typed:
        if not can_ask():
            raise SetupError("--type-keys, and nobody is there to type", "Name a --secrets file.")
        lines += iter(lambda: ask_secret("Name=key, or nothing more"), "")
    return [_secret(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _secret(line: str) -> tuple[str, Key]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise SetupError(
            "a line of secrets is none",
            "Write for example key0 = and 32 hex digits; key0 to key4, key, enc, mac or master.",
        )
    return match[1], Key.from_hex(match[2])


def _application_keys(given: list[tuple[str, Key]]) -> list[KnownKey]:
    keys = []
    for name, key in given:
        if name.startswith("key"):
            number = int(name[3:]) if name[3:] else None
            where = "a key" if number is None else f"key {number}"
            keys.append(KnownKey(f"{where} of the secrets", key, number))
    return keys


def _session(
    given: list[tuple[str, Key]],
    ti: str | None,
    counter: int,
    enc_counter: int,
    key_number: int | None,
) -> AesSession | LrpSession | None:
    named = dict(given)
    mac, master = named.get("mac"), named.get("master")
    if mac is None and master is None:
        if ti is not None or "enc" in named:
            text = "a session takes mac, and perhaps enc, or master among the secrets"
            raise SetupError(text, "Give the session keys, or the application key alone.")
        return None
    if ti is None or not re.fullmatch("[0-9A-Fa-f]{8}", ti):
        raise SetupError("session keys go with the TI of the session", "Say --ti, 8 hex digits.")
    tid = bytes.fromhex(ti)
    if mac is not None:
        return AesSession(
            transaction_id=tid,
            mac_key=mac,
            enc_key=named.get("enc"),
            command_counter=counter,
            key_number=key_number,
        )
    return LrpSession(
        transaction_id=tid,
        master=named["master"],
        command_counter=counter,
        encryption_counter=enc_counter,
        key_number=key_number,
    )


def _settings(text: str) -> tuple[int, FileSettings]:
    match = re.fullmatch("([1-3]):((?:[0-9A-Fa-f]{2})+)", text)
    hint = "For example 2:0000E0EE000100, as GetFileSettings answers."
    if match is None:
        raise SetupError("--settings takes a file, 1 to 3, a colon, and hex", hint)
    try:
        return int(match[1]), FileDescription.from_bytes(bytes.fromhex(match[2])).settings
    except ValueError as error:
        raise SetupError(f"--settings: {error}", hint) from None


def _of_vault(vault: Vault, uid: Uid) -> list[KnownKey]:
    known = vault.find(uid)
    if known is None:
        text = f"the vault does not know tag {uid}"
        raise SetupError(text, 'See "ntag424 tags list", or leave --with-vault out.')
    return [
        KnownKey(f"key {number} of the vault, version {slot.version}", slot.key, number)
        for number, slots in enumerate(known.slots)
        for slot in slots
    ]


def _uid(text: str | None, exchanges: tuple[Exchange, ...], keys: list[KnownKey]) -> Uid:
    """Take the UID that was given, else the one that the log tells."""
    if text is not None:
        try:
            return Uid.from_hex(text)
        except ValueError as error:
            raise SetupError(f"--uid: {error}", "It is in the tag's URL, or on a phone.") from None
    for each in diagnose(exchanges, Known(keys=tuple(keys))).exchanges:
        for field in each.fields:
            if field.name == "UID" and any(field.octets):
                return Uid(field.octets)
    raise SetupError("the log does not tell the UID of the tag", "Say --uid.")
