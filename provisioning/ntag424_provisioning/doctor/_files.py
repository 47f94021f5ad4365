"""The files that udev and modprobe are to have from us."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ntag424_provisioning.doctor._findings import Finding, Machine, State, doctor_fix
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.udev import MODPROBE_NAME, RULES_NAME, modprobe, rules

_UDEVADM = (("control", "--reload"), ("trigger", "--subsystem-match=usb"))


@dataclass(frozen=True, slots=True)
class SystemFile:
    """A file of the system's that this program writes whole."""

    what: str
    path: Path
    text: str

    @property
    def is_installed(self) -> bool:
        """Whether it is there, to the letter."""
        try:
            return self.path.read_text("utf-8", "replace") == self.text
        except OSError:
            return False


def system_files(machine: Machine) -> tuple[SystemFile, SystemFile]:
    """Give the rules for udev and the list for modprobe."""
    return (
        SystemFile("udev rules", machine.udev_rules / RULES_NAME, rules()),
        SystemFile("modprobe list", machine.modprobe / MODPROBE_NAME, modprobe()),
    )


def outdated(machine: Machine) -> list[SystemFile]:
    """Give the files that are missing or different."""
    return [file for file in system_files(machine) if not file.is_installed]


def examine_files(machine: Machine, *, needed: bool) -> list[Finding]:
    """Look whether the files are installed; *needed* if a reader is there that wants them."""
    return [_examined(file, needed=needed) for file in system_files(machine)]


def _examined(file: SystemFile, *, needed: bool) -> Finding:
    if file.is_installed:
        return Finding(file.what, State.OK, f"{file.path} is installed.")
    how = "is not what this program needs" if file.path.exists() else "is not installed"
    if needed:
        cause = f"{file.path} {how}."
        return Finding(file.what, State.WARNING, cause, (doctor_fix(),), fixable=True)
    return Finding(file.what, State.OK, f"{file.path} {how}, and no reader here needs it.")


def require_rights(files: Iterable[SystemFile]) -> None:
    """Make sure that *files* can be written, before anybody is asked.

    Raises:
        SetupError: this user may not.

    """
    for file in files:
        folder = next(each for each in file.path.parents if each.exists())
        if not os.access(folder, os.W_OK):
            text = f"{file.path} is not for this user to write"
            raise SetupError(text, f"Run: {doctor_fix()}")


def install(files: Iterable[SystemFile]) -> list[str]:
    """Write *files*, tell udev, and return what udev had to complain about.

    Raises:
        SetupError: one cannot be written; none is half written.

    """
    for file in files:
        try:
            _replace(file)
        except OSError as error:
            text = f"{file.path} cannot be written: {error.strerror}"
            raise SetupError(text, f"Run: {doctor_fix()}") from error
    return _tell_udev()


def _replace(file: SystemFile) -> None:
    folder = file.path.parent
    _make_folder(folder)
    # The dot keeps udev and modprobe from reading it before it is whole.
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{file.path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(file.text)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        Path(name).replace(file.path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make_folder(folder: Path) -> None:
    # For all to read and for root alone to write, whatever the umask.
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(0o755, exist_ok=True)


def _tell_udev() -> list[str]:
    udevadm = shutil.which("udevadm")
    if udevadm is None:
        return []
    told = [
        subprocess.run([udevadm, *job], check=False, capture_output=True, text=True)  # noqa: S603 - no shell, fixed words
        for job in _UDEVADM
    ]
    return [done.stderr.strip() for done in told if done.returncode]
