"""`ntag424 rotate`: one tag to the active key version."""

from __future__ import annotations

from ntag424_provisioning.cli.enrol_option import CredentialFile, Enrol
from ntag424_provisioning.cli.frame import Json
from ntag424_provisioning.cli.reader_option import Reader
from ntag424_provisioning.cli.unlock import KeyFilePath, PassphraseFile, VaultPath, open_vault
from ntag424_provisioning.cli.working import Wait, bench_of, require_backup, show, work
from ntag424_provisioning.engine.jobs import rotate as run


def rotate(
    *,
    reader: Reader = None,
    vault: VaultPath = None,
    key_file: KeyFilePath = None,
    passphrase_file: PassphraseFile = None,
    enrol: Enrol = None,
    credential_file: CredentialFile = None,
    wait: Wait = 60,
    as_json: Json = False,
) -> None:
    """Move the tag on the reader to the active key version, with the URL it has.

    "ntag424 keys rotate" makes that version; "ntag424 station --rotate" does many tags.
    """
    with open_vault(vault, key_file, passphrase_file) as opened:
        require_backup(opened)
        with bench_of(
            opened, reader, wait=wait, enrol=enrol, credential_file=credential_file
        ) as bench:
            result = work(bench, run)
    show(result, as_json=as_json)
