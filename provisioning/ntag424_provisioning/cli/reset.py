"""`ntag424 reset`: back to factory state."""

from __future__ import annotations

from ntag424 import Uid
from ntag424_provisioning.cli.enrol_option import CredentialFile, Enrol
from ntag424_provisioning.cli.frame import Json, ask, can_ask, say
from ntag424_provisioning.cli.reader_option import Reader
from ntag424_provisioning.cli.repair import Yes
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.working import Wait, bench_of, show, work
from ntag424_provisioning.engine.jobs import look_at
from ntag424_provisioning.engine.jobs import reset as run
from ntag424_provisioning.errors import RefusedError, SetupError

_LETTERS = 4


def reset(
    *,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    enrol: Enrol = None,
    credential_file: CredentialFile = None,
    wait: Wait = 60,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Return the tag on the reader to the state NXP delivers it in, and prove it.

    It can no longer be used to log in. With --enrol the service is told, and refuses
    every tap that the tag made before. What is irreversible on it stays: LRP mode,
    random IDs, the tamper loop.
    """
    with (
        open_vault(vault, key_file, passphrase_file) as opened,
        bench_of(
            opened, reader, wait=wait, enrol=enrol or "later", credential_file=credential_file
        ) as bench,
    ):
        if not yes:
            _require_its_name(look_at(bench).known.uid)
        result = work(bench, run)
    show(result, as_json=as_json)
    if not result.is_retired:
        say("! No service was told: it still accepts taps that the tag made and nobody used.")
        say("  Tell it: lay the tag back and run reset with --enrol, or run there:")
        say(f"  ntag424-service state {result.uid} erased")


def _require_its_name(uid: Uid) -> None:
    warning = f"tag {uid} will no longer log anybody in"
    if not can_ask():
        raise SetupError(f"{warning}, and nobody is there to agree", "Say --yes to go on.")
    if (
        ask(f"{warning[0].upper()}{warning[1:]}. Type the last {_LETTERS} of its UID")
        .strip()
        .upper()
        != str(uid)[-_LETTERS:]
    ):
        raise RefusedError("that is not its UID; nothing was done")
