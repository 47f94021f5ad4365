"""What is put down is on disk or refused: killed, full, read-only, it is the old or the new."""

from __future__ import annotations

import os
import resource
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault import write_private

from tests.provisioning.vault.furniture import PATIENCE_SECONDS, Place, run_elsewhere, same, tag

# ---- killed ---------------------------------------------------------------------------------

# For each folder a process that dies before another statement; says what became of it.
_PUT_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.provisioning.vault.furniture import Place, tag

def put_until(left, place):
    vault = place.open()
    def count(statement):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    vault._file._db.set_trace_callback(count)
    vault.put(tag(1, counter=2))
    vault.put(tag(2))

for statement, folder in enumerate(sys.argv[1:]):
    child = os.fork()
    if child == 0:
        put_until(statement, Place(Path(folder)))
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""


def test_a_kill_anywhere_in_put_leaves_the_old_record_or_the_new(tmp_path):
    folders = [tmp_path / str(number) for number in range(11)]
    for folder in folders:
        folder.mkdir()
        with Place(folder).made().open() as vault:
            vault.put(tag(1, counter=1))
    said, _ = run_elsewhere(_PUT_AND_DIE, *folders).communicate(timeout=PATIENCE_SECONDS)
    assert list(map(int, said.split())) == [signal.SIGKILL] * 10 + [0]
    states = [[tag(1, counter=1)], [tag(1, counter=2)], [tag(1, counter=2), tag(2)]]
    met = []
    for folder in folders:
        with Place(folder).open() as vault:
            found = list(vault.tags())
        met += [number for number, tags in enumerate(states) if same(tags, found)]
    # Five statements for each: begin, look at the census, write the tag and the census, commit.
    assert met == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]


_KEEP_PUTTING = """
import sys
from pathlib import Path
from ntag424_provisioning.vault import KeyFile, Vault
from tests.provisioning.vault.furniture import tag
vault = Vault.open(Path(sys.argv[1]), KeyFile(Path(sys.argv[2])))
for counter in range(1, 1 << 20):
    vault.put(tag(1, counter=counter))
    print(counter)
"""


@pytest.mark.parametrize("told", [1, 40, 200])
def test_what_a_killed_process_was_told_is_on_disk_is_there(place, told):
    process = run_elsewhere(_KEEP_PUTTING, place.path, place.unlock.path)
    for _ in range(told):
        process.stdout.readline()
    process.kill()
    # Not `communicate`: it passes over what `readline` has read ahead.
    last = [told, *map(int, process.stdout.read().split())][-1]
    process.wait(PATIENCE_SECONDS)
    process.stdout.close()
    with place.open() as vault:
        (known,) = vault.tags()
    assert known.counter - last in (0, 1)


# ---- no room --------------------------------------------------------------------------------


@contextmanager
def no_file_grows(beyond=64):
    """Let writing fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_former_record(place, vault):
    vault.put(tag(1, counter=1))
    with no_file_grows(), pytest.raises(VaultError, match="cannot be written") as refused:
        vault.put(tag(1, counter=2))
    assert "disk" in refused.value.hint
    assert same(vault.tags(), [tag(1, counter=1)])


def test_a_vault_goes_on_when_there_is_room_again(vault):
    with no_file_grows(), pytest.raises(VaultError):
        vault.put(tag(1))
    vault.put(tag(2))
    assert same(vault.tags(), [tag(2)])


def test_a_full_disk_is_found_out_beforehand(vault):
    with no_file_grows(), pytest.raises(VaultError, match="cannot be written"):
        vault.require_writable()


def test_room_for_one_record_is_not_enough_for_a_job(place):
    with place.open() as vault:
        vault.require_writable()
    with place.open() as vault:
        vault.put(tag(1))
        log = place.path.with_name("vault.db-wal")
        with no_file_grows(log.stat().st_size + 50_000):
            vault.put(tag(1))
            with pytest.raises(VaultError):
                vault.require_writable()


def test_what_was_proven_is_room_for_a_whole_job(place, vault):
    vault.require_writable()
    sizes = [path.stat().st_size for path in place.path.parent.iterdir()]
    with no_file_grows(max(sizes)):
        for counter in range(30):
            vault.put(tag(1, counter=counter))
    assert same(vault.tags(), [tag(1, counter=29)])


def test_proving_changes_nothing(place, vault):
    vault.put(tag(1))
    for _ in range(3):
        vault.require_writable()
    assert same(vault.tags(), [tag(1)])


def test_no_vault_is_made_on_a_full_disk(tmp_path):
    place = Place(tmp_path)
    place.path.parent.mkdir()
    with no_file_grows(8192), pytest.raises(VaultError, match="cannot be made"):
        place.made()
    assert [path.name for path in tmp_path.rglob("*")] == ["house"]


def test_a_secret_file_is_written_whole_or_not_at_all(tmp_path):
    with no_file_grows(), pytest.raises(VaultError):
        write_private(tmp_path / "file", "x" * 200)
    assert list(tmp_path.iterdir()) == []


# ---- read-only ------------------------------------------------------------------------------

_PUT_AS_ORDINARY_USER = """
import os, sys
from pathlib import Path
from ntag424_provisioning.errors import VaultError
from ntag424_provisioning.vault import KeyFile, Vault
from tests.provisioning.vault.furniture import tag
path, key, user = Path(sys.argv[1]), KeyFile(Path(sys.argv[2])), int(sys.argv[3])
os.setgroups([]) if os.geteuid() == 0 else None
os.setresgid(user, user, user)
os.setresuid(user, user, user)
for write in (Vault.require_writable, lambda vault: vault.put(tag(1, counter=2))):
    try:
        with Vault.open(path, key) as vault:
            write(vault)
    except VaultError as error:
        print(error, "|", error.hint)
"""


@pytest.fixture
def ordinary():
    """A vault of a user who is not root, with a record in it."""
    user = os.geteuid() or 65534
    with tempfile.TemporaryDirectory(prefix="vault-") as folder:
        place = Place(Path(folder)).made()
        with place.open() as vault:
            vault.put(tag(1, counter=1))
        house = place.path.parent
        for path in (Path(folder), house, place.path, place.unlock.path):
            os.chown(path, user, -1)
        yield place, user
        house.chmod(0o700)
        place.path.chmod(0o600)
        for path in (Path(folder), house, place.path, place.unlock.path):
            os.chown(path, os.geteuid(), -1)


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o400), (0o500, 0o600), (0o500, 0o400)])
def test_a_read_only_vault_is_refused_and_left_alone(ordinary, folder, file):
    place, user = ordinary
    place.path.chmod(file)
    place.path.parent.chmod(folder)
    process = run_elsewhere(_PUT_AS_ORDINARY_USER, place.path, place.unlock.path, user)
    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    for line in said.splitlines():
        assert line.startswith("the vault cannot be ")
        assert "Let this user write" in line
    assert len(said.splitlines()) == 2
    place.path.parent.chmod(0o700)
    place.path.chmod(0o600)
    for path in (place.path.parent, place.path, place.unlock.path):
        os.chown(path, os.geteuid(), -1)
    with place.open() as vault:
        assert same(vault.tags(), [tag(1, counter=1)])


def test_the_vault_of_another_user_is_refused(ordinary):
    place, user = ordinary
    if user == os.geteuid():
        pytest.skip("only root can make a file of another user")
    with pytest.raises(VaultError, match="another user"):
        place.open()
