"""Files with secrets: who may read them is part of whether they are accepted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ntag424_service.errors import SettingsError

_MAX_BYTES = 65536
_WHICH = "Check which file it names."


def read_private_file(setting: str, path: Path, *, strict: bool) -> str:
    """Return the text of a secret file of at most 64 KiB.

    With *strict*, it must belong to this user or root, and nobody else may read it.

    Raises:
        SettingsError: it is missing, no regular file, not readable, readable by too many,
            too large, or not UTF-8.

    """
    try:
        octets = _read(setting, path, strict=strict)
    except OSError as error:
        raise SettingsError(
            setting, f"cannot be read ({error.strerror})", "Check the path and who may read it."
        ) from None
    if len(octets) > _MAX_BYTES:
        raise SettingsError(setting, "is larger than 64 KiB", _WHICH)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError(setting, "is not UTF-8 text", _WHICH) from None


def write_private_file(path: Path, text: str) -> None:
    """Write a new secret file, mode 0600; never over an old one.

    Raises:
        OSError: it exists, or cannot be written.

    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _read(setting: str, path: Path, *, strict: bool) -> bytes:
    """Read the file, and one byte more than it may have."""
    # Not waiting: a FIFO has nobody at its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        # Of the open file, so that it cannot be exchanged in between.
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(setting, "is not a regular file", _WHICH)
        if strict:
            _require_private(setting, status)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(_MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _require_private(setting: str, status: os.stat_result) -> None:
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(setting, "names a file that others may read", "Run chmod 600 on it.")
    if status.st_uid not in (0, os.geteuid()):
        raise SettingsError(
            setting, "names a file of another user", "Run chown on it, to the service's user."
        )
