"""`ntag424 plan`: what `provision` would do, and nothing of it."""

from __future__ import annotations

from ntag424.commands import Command
from ntag424.model.files import SdmBlock
from ntag424_provisioning.cli.enrol_option import CredentialFile, Enrol
from ntag424_provisioning.cli.frame import Json, tell
from ntag424_provisioning.cli.profile_option import (
    AllowIrreversible,
    CounterLimit,
    FileData,
    InsecureHttp,
    Never,
    Url,
    read_profile,
)
from ntag424_provisioning.cli.reader_option import Reader
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.working import Wait, bench_of
from ntag424_provisioning.engine.jobs import foresee
from ntag424_provisioning.engine.plan import ConfigurationStep, Step
from ntag424_provisioning.engine.preview import Preview, command_of
from ntag424_provisioning.model.image import NDEF_FILE


def plan(
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
    wait: Wait = 60,
    allow_irreversible: AllowIrreversible = False,
    as_json: Json = False,
) -> None:
    """Show what "provision" with the same options would send to the tag on the reader.

    Nothing is changed, and no attempt is spent. Irreversible steps are marked with "!".
    """
    profile = read_profile(
        url,
        file_data,
        counter_limit,
        irreversible,
        allow_irreversible=allow_irreversible,
        insecure_http=insecure_http,
    )
    with (
        open_vault(vault, key_file, passphrase_file) as opened,
        # Nothing is enrolled: without a ledger, none is asked for higher generations.
        bench_of(
            opened, reader, wait=wait, enrol=enrol or "later", credential_file=credential_file
        ) as bench,
    ):
        seen = foresee(bench, profile)
    tell(_record(seen), _text(seen), as_json=as_json)


def _record(seen: Preview) -> dict[str, object]:
    return {
        "key_version": seen.goal.generation.key_version,
        "epoch": seen.goal.generation.epoch,
        "url": seen.url,
        "mirrors": _mirrors(seen),
        "steps": [_step_record(step) for step in seen.steps],
    }


def _step_record(step: Step) -> dict[str, object]:
    command = command_of(step)
    return {
        "step": str(step),
        "command": command.name,
        "header": _header(command),
        "payload_bytes": len(command.payload()),
        "irreversible": isinstance(step, ConfigurationStep),
    }


def _text(seen: Preview) -> str:
    if not seen.steps:
        return "✓ nothing to do: the tag is so already"
    generation = seen.goal.generation
    return "\n".join(
        (
            f"key version {generation.key_version}, epoch {generation.epoch}",
            f"URL      {seen.url}",
            *(f"         {name} at byte {offset}" for name, offset in _mirrors(seen).items()),
            *(_line(number, step) for number, step in enumerate(seen.steps, 1)),
        )
    )


def _line(number: int, step: Step) -> str:
    command = command_of(step)
    mark = "!" if isinstance(step, ConfigurationStep) else " "
    size = len(command.payload())
    return (
        f"{mark} {number:2}  {step!s:34} 90 {_header(command)} + {size} bytes, encrypted or MACed"
    )


def _header(command: Command[None]) -> str:
    return bytes((command.ins, *command.header())).hex(" ").upper()


def _mirrors(seen: Preview) -> dict[str, int]:
    block = seen.image.settings[NDEF_FILE].sdm
    return {} if block is None else dict(_offsets(block))


def _offsets(block: SdmBlock) -> list[tuple[str, int]]:
    mirror, secured = block.mirror, block.secured
    named = [
        ("PICCData", getattr(mirror, "picc_data_offset", None)),
        ("UID", getattr(mirror, "uid_offset", None)),
        ("read counter", getattr(mirror, "read_counter_offset", None)),
        ("tamper status", block.tamper_offset),
    ]
    if secured is not None:
        named += [("MAC input", secured.mac_input_offset), ("MAC", secured.mac_offset)]
        if secured.encrypted is not None:
            named.append(("file data", secured.encrypted.offset))
    return [(name, offset) for name, offset in named if offset is not None]
