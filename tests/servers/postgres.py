"""PostgreSQL, alone or with a synchronous standby, as durable as a ledger asks for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import psycopg

from tests.servers.certificates import Certificates
from tests.servers.postgres_cluster import (
    as_owner,
    make_cluster,
    needs_postgres,
    owner,
    release_memory,
    run,
)
from tests.servers.process import Server
from tests.servers.spawning import spawn
from tests.servers.waiting import wait_until

__all__ = [
    "PostgresServer",
    "SecuredPostgresServer",
    "StandbyPair",
    "needs_postgres",
]

_OPTIONS = {
    "fsync": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "16MB",
    # Nothing of it is left in the machine's memory by a server that is killed.
    "dynamic_shared_memory_type": "mmap",
    # Whoever is frozen is not taken for dead, and is told all of it when it thaws.
    "wal_sender_timeout": "0",
    "wal_receiver_timeout": "0",
    "wal_retrieve_retry_interval": "50ms",
    "wal_keep_size": "256MB",
}
_PAIRED = {"synchronous_standby_names": "ANY 1 (standby)", "synchronous_commit": "on"}


class PostgresServer(Server):
    """A PostgreSQL on loopback; *options* are those of its configuration.

    Its superuser is `postgres`, whom it trusts, as it does everybody.
    """

    #: Who may come in how: see the documentation of pg_hba.conf.
    access = """
        local all all trust
        host all all 127.0.0.1/32 trust
        host replication all 127.0.0.1/32 trust
    """

    def __init__(self, folder: Path | None = None, **options: str) -> None:
        super().__init__(folder)
        os.chown(self.folder, *owner())
        self.cluster = self.folder / "cluster"
        self.options = _OPTIONS | options
        #: Sees to it that nothing frozen outlives us.
        self._executor: subprocess.Popen[bytes] | None = None

    @property
    def parameters(self) -> dict[str, str | int]:
        return {"host": "127.0.0.1", "port": self.port, "user": "postgres", "dbname": "postgres"}

    def url(self, schema: str = "ntag424") -> str:
        """Return the URL of the ledger in *schema*."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?schema={schema}"

    def command(self) -> list[str]:
        return as_owner("postgres", "-D", str(self.cluster))

    def launch(self) -> None:
        if not self.cluster.exists():
            make_cluster(self.cluster)
        here = {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        settings = [f"{name} = '{value}'\n" for name, value in (self.options | here).items()]
        # Not on the command line: there they would have the last word.
        (self.cluster / "postgresql.conf").write_text("".join(settings))
        (self.cluster / "pg_hba.conf").write_text(self.access)
        super().launch()

    def set(self, **settings: str | None) -> None:
        """Change settings as an operator would, or back for None; return once they hold."""
        with self.connect() as connection:
            for name, value in settings.items():
                connection.execute(
                    f"ALTER SYSTEM RESET {name}"
                    if value is None
                    else f"ALTER SYSTEM SET {name} = '{value}'"
                )
        loaded = self.ask("SELECT pg_conf_load_time()")
        self.ask("SELECT pg_reload_conf()")
        wait_until(lambda: self.ask("SELECT pg_conf_load_time()") != loaded, "they hold")

    def is_ready(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self) -> psycopg.Connection:
        """Connect, to look behind the curtain; every statement commits by itself."""
        return psycopg.connect(autocommit=True, connect_timeout=10, **self.parameters)

    def ask(self, statement: str, *arguments: object) -> list[tuple[object, ...]]:
        """Run one statement beside everybody else's."""
        with self.connect() as connection:
            cursor = connection.execute(statement, arguments or None)
            return cursor.fetchall() if cursor.description else []

    def back_up(self) -> Path:
        """Make a base backup of the server as it runs; return its folder."""
        place = Path(mkdtemp(dir=self.folder, prefix="backup-"))
        os.chown(place, *owner())
        run("pg_basebackup", *self._as_client(), "-D", str(place), "-c", "fast", "--no-sync")
        return place

    def copy(self) -> Path:
        """Copy the server's files as they are at this moment; return their folder."""
        place = Path(mkdtemp(dir=self.folder, prefix="copy-"))
        self.freeze()
        try:
            subprocess.run(["cp", "-a", f"{self.cluster}/.", place], check=True)
        finally:
            self.thaw()
        return place

    def restore(self, backup: Path) -> None:
        """Go on from a backup, at the same place, in the midst of everything."""
        self.kill()
        shutil.rmtree(self.cluster)
        subprocess.run(["cp", "-a", backup, self.cluster], check=True)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        self.start()

    def dump(self, schema: str) -> Path:
        """Let `pg_dump` write down one schema."""
        file = self.folder / f"{schema}.dump"
        run("pg_dump", *self._as_client(), "-Fc", "-n", schema, "-f", str(file), "postgres")
        return file

    def load(self, dump: Path, *, into: str = "postgres") -> None:
        """Let `pg_restore` make what was written down."""
        run("pg_restore", *self._as_client(), "-e", "-d", into, str(dump))

    @contextmanager
    def copying_log(self) -> Iterator[None]:
        """Have the write-ahead log copied, as for a backup, as long as a block runs."""
        place = self.folder / "log"
        place.mkdir()
        os.chown(place, *owner())
        command = as_owner("pg_receivewal", *self._as_client(), "-D", str(place))
        copier = spawn(command, place, place / "said")
        try:
            query = "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'"
            wait_until(lambda: self.ask(query), "the log is copied")
            yield
        finally:
            copier.kill()
            copier.wait()
            shutil.rmtree(place)

    def freeze(self) -> None:
        super().freeze()
        # Only SIGKILL reaches a frozen child, and the parent's death sends it none. The pipe
        # ends when we do, however we do.
        family = [str(pid) for pid in self._family()]
        command = ["sh", "-c", 'read _; kill -KILL "$@"', "sh", *family]
        self._executor = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def thaw(self) -> None:
        self._dismiss_executor()
        super().thaw()

    def kill(self) -> None:
        if not self.is_running:
            return
        self._dismiss_executor()
        os.kill(self.pid, signal.SIGSTOP)
        family = list(self._family())
        super().kill()
        # The port is free, and a standby notices, when the last of them is gone.
        wait_until(lambda: not any(map(_lives, family)), "all of the server is dead")
        release_memory(self.cluster)

    def terminate(self) -> None:
        """End the server tidily, without waiting for anybody who uses it."""
        self._end(signal.SIGINT)

    def stop(self) -> None:
        self.discard()

    def discard(self) -> None:
        # Unlike kill, this leaves nobody behind whom the machine's init would have to bury.
        self._end(signal.SIGQUIT)
        super().discard()

    def _as_client(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def _end(self, how: signal.Signals) -> None:
        if self.is_running:
            self.thaw()
            os.kill(self.pid, how)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def _dismiss_executor(self) -> None:
        if self._executor is not None:
            with self._executor as executor:
                executor.kill()
            self._executor = None

    def _signal(self, number: signal.Signals) -> None:
        """Reach the children too: each is a session of its own."""
        if number != signal.SIGCONT:
            os.kill(self.pid, signal.SIGSTOP)  # From here on it has no new ones.
        for pid in self._family():
            with suppress(ProcessLookupError):  # It may have ended meanwhile.
                os.kill(pid, number)

    def _family(self) -> Iterator[int]:
        """Give the children first: killed, the parent would no longer know them."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        yield from map(int, children.read_text().split())
        yield self.pid


class SecuredPostgresServer(PostgresServer):
    """A PostgreSQL that lets the ledger in over TLS and with a password only."""

    access = """
        local all postgres trust
        host all postgres 127.0.0.1/32 trust
        hostssl all ledger 127.0.0.1/32 scram-sha-256
    """
    password = "of the ledger"

    def __init__(self) -> None:
        super().__init__()
        self.certificates = Certificates.make(self.folder)
        for file in (self.certificates.server, self.certificates.server_key):
            os.chown(file, *owner())
        self.passfile = self.folder / "passwords"
        self.passfile.touch(0o600)
        self.passfile.write_text(f"*:*:*:ledger:{self.password}\n")
        self.options |= {
            "ssl": "on",
            "ssl_cert_file": str(self.certificates.server),
            "ssl_key_file": str(self.certificates.server_key),
        }

    def start(self) -> Self:
        super().start()
        if self.ask("SELECT to_regrole('ledger') IS NULL") == [(True,)]:
            self.ask(f"CREATE ROLE ledger LOGIN PASSWORD '{self.password}'")
            self.ask("GRANT CREATE ON DATABASE postgres TO ledger")
        return self

    def url(self, schema: str = "ntag424") -> str:
        return (
            f"postgresql://ledger@127.0.0.1:{self.port}/postgres?schema={schema}"
            f"&sslmode=verify-full&sslrootcert={self.certificates.authority}"
            f"&passfile={self.passfile}"
        )


class StandbyPair:
    """A primary and a synchronous standby: what is confirmed is on both."""

    def __init__(self) -> None:
        self.primary = PostgresServer(**_PAIRED)
        self.standby = PostgresServer(**_PAIRED)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, schema: str = "ntag424") -> str:
        """Return the URL of the ledger in *schema*, wherever the primary is."""
        ports = sorted([self.primary.port, self.standby.port])
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return (
            f"postgresql://postgres@{hosts}/postgres"
            f"?target_session_attrs=read-write&schema={schema}"
        )

    def start(self) -> Self:
        try:
            self.primary.start()
            self.add_standby()
        except BaseException:
            self.stop()
            raise
        return self

    def add_standby(self) -> None:
        """Make the standby anew, from the primary as it is."""
        follow_primary(self.standby, self.primary)
        self.standby.start()
        wait_until(self.is_complete, "the standby follows")

    def is_complete(self) -> bool:
        """Whether there is a standby that commits wait for."""
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'"
        return self.primary.ask(query) == [(1,)]

    def fail_over(self) -> None:
        """Lose the primary at one blow, promote the standby, and give it a new one."""
        self.promote()
        self.add_standby()

    def promote(self) -> None:
        """Lose the primary at one blow, and promote the standby; it has none of its own then."""
        self.primary.kill()
        self.standby.ask("SELECT pg_promote(true, 60)")
        self.primary, self.standby = self.standby, self.primary

    def freeze_standby(self) -> None:
        """Let nothing be confirmed, until `thaw_standby`."""
        self.standby.freeze()

    def thaw_standby(self) -> None:
        self.standby.thaw()

    def stop(self) -> None:
        self.primary.stop()
        self.standby.stop()


def follow_primary(standby: PostgresServer, primary: PostgresServer) -> None:
    """Make *standby*, which does not run, a copy of *primary* that follows it."""
    standby.kill()
    shutil.rmtree(standby.cluster, ignore_errors=True)
    source = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
    run("pg_basebackup", *source, "-D", str(standby.cluster), "-c", "fast", "--no-sync")
    (standby.cluster / "standby.signal").touch()
    upstream = f"host=127.0.0.1 port={primary.port} user=postgres application_name=standby"
    standby.options["primary_conninfo"] = upstream


def _lives(pid: int) -> bool:
    """Whether there is such a process, and more of it than its exit status."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
