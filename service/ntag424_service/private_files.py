"""Files with secrets: who may read them is part of whether they are accepted."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ntag424_service.errors import SettingsError

_MAX_BYTES = 65536


def read_private_file(setting: str, path: Path, *, strict: bool) -> str:
    """Return the text of a secret file.

    With *strict*, it must belong to this user or root, and nobody else may read it.

    Raises:
        SettingsError: it is missing, not readable, or readable by too many.

    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            # Of the open file, so that it cannot be exchanged in between.
            if strict:
                _require_private(setting, os.fstat(descriptor))
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise SettingsError(
            setting, f"cannot be read ({error.strerror})", "Check the path and who may read it."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(setting, "is not UTF-8 text", "Check which file it names.") from None


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


def _require_private(setting: str, status: os.stat_result) -> None:
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(setting, "names a file that others may read", "Run chmod 600 on it.")
    if status.st_uid not in (0, os.geteuid()):
        raise SettingsError(
            setting, "names a file of another user", "Run chown on it, to the service's user."
        )
