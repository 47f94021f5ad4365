"""The vault: one file with the master keys and all that is known of every tag.

What it gives: whoever steals the file, or a copy, learns how many key versions and tags
there are, how long their records are and how often they were written, and when the file
changed; no key, no UID, no label. A passphrase can be guessed at, at the price of 128 MiB
and a good part of a second each; a key file cannot. A row that was changed, exchanged with
another one, put back from an older copy, or lost is noticed; so is an older copy of the whole
file, by a witness outside it. Such a copy can be read, and written once somebody accepted it.

What it does not give: against somebody who controls the machine while the vault is open it
gives nothing, for the keys are in memory then. And where the witness is lost too, or never
was, an older copy looks like the present one.

A vault is in use while `vault.db-wal` lies beside it: copy all files of that name, or wait.

What is lost with it, if there is a recovery sheet: labels, and what was being done to tags
that are half done. The keys of every other tag follow from the master keys, its UID, its
key version and its epoch, and `recover` finds the last two from a URL of the tag.
"""

from ntag424_provisioning.private_files import read_private, write_private
from ntag424_provisioning.vault._keyring_file import keyring_toml, read_keys
from ntag424_provisioning.vault._master_keys import MasterKeys, Scheme
from ntag424_provisioning.vault._recover import recover
from ntag424_provisioning.vault._schema import require_free
from ntag424_provisioning.vault._sealing import LEAST_CHARACTERS, KeyFile, Lock, Passphrase, Unlock
from ntag424_provisioning.vault._sheet import Sheet, svg_qr, terminal_qr
from ntag424_provisioning.vault._vault import Vault
from ntag424_provisioning.vault._versions import StoredVersion, Versions

__all__ = [
    "LEAST_CHARACTERS",
    "KeyFile",
    "Lock",
    "MasterKeys",
    "Passphrase",
    "Scheme",
    "Sheet",
    "StoredVersion",
    "Unlock",
    "Vault",
    "Versions",
    "keyring_toml",
    "read_keys",
    "read_private",
    "recover",
    "require_free",
    "svg_qr",
    "terminal_qr",
    "write_private",
]
