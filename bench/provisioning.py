"""What this program spends on a tag, beside the time the tag itself takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from ntag424_provisioning.engine.bench import Bench
from ntag424_provisioning.engine.jobs import Origin, provision
from ntag424_provisioning.enrolment import Later
from ntag424_provisioning.model import Profile
from ntag424_provisioning.vault import KeyFile, MasterKeys, Vault

from bench.report import Line
from ntag424 import UrlTemplate
from ntag424.apdu import CommandApdu, ResponseApdu
from ntag424.testing import SimulatedTag

_TAGS, _MOST = 60, 50.0
_PROFILE = Profile(UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}"))


class TimedLink:
    """A reader whose tag's time is counted apart."""

    def __init__(self, tag: SimulatedTag) -> None:
        self._tag = tag
        self.seconds = 0.0

    def uid(self) -> bytes:
        return self._tag.anticollision_uid

    def transmit(self, command: CommandApdu) -> ResponseApdu:
        start = perf_counter()
        answer = self._tag.transmit(command)
        self.seconds += perf_counter() - start
        return answer

    def wait_for_tag(self, timeout: float) -> bytes:  # noqa: ARG002 - it is there
        return self.uid()

    def reconnect(self) -> None:
        self._tag.power_cycle()

    def release_tag(self) -> None:
        pass

    def close(self) -> None:
        pass


def lines() -> Iterator[Line]:
    """Provision tags one after another, with a vault on this disk, and no ledger."""
    with TemporaryDirectory() as folder:
        path = Path(folder)
        with Vault.create(path / "vault.db", KeyFile(path / "key")) as vault:
            vault.add_version(MasterKeys.draw("an10922"))
            spent = [_provision(vault) for _ in range(_TAGS)]
    milliseconds = 1000 * median(spent)
    yield Line(
        f"provision one tag, without the tag's own time: median of {_TAGS}",
        f"{milliseconds:.1f} ms",
        f"<= {_MOST:.0f} ms",
        milliseconds <= _MOST,
    )


def _provision(vault: Vault) -> float:
    link = TimedLink(SimulatedTag.blank(b"\x04" + os.urandom(6)))
    bench = Bench(link, vault, vault.keyring(), Later())
    start = perf_counter()
    provision(bench, _PROFILE, origin=Origin.ANY)
    return perf_counter() - start - link.seconds
