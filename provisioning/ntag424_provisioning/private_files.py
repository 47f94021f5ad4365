"""Files with secrets: made for one user, and refused if anybody else could read them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ntag424_provisioning.errors import VaultError

# A link could lead anywhere, and a pipe would keep us waiting.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_BYTES = 65536


def read_private(path: Path, name: str) -> bytes:
    """Return the content of a secret file; messages call it *name*.

    Raises:
        VaultError: it is missing, no plain file, another user's, or open to others.

    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        cause = "is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        text = f"the {name} {path} cannot be read: {cause}"
        raise VaultError(text, "Name the file itself, and check who may read it.") from error
    try:
        # Of the open file, so that it cannot be exchanged in between.
        require_private(os.fstat(descriptor), path, name)
        content = os.read(descriptor, _MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MOST_BYTES:
        raise VaultError(f"the {name} {path} is too long", "Check which file was named.")
    return content


def require_private(status: os.stat_result, path: Path, name: str) -> None:
    """Refuse a file that is not one user's own, by its *status*.

    Raises:
        VaultError: it is no plain file, another user's, or open to others.

    """
    if not stat.S_ISREG(status.st_mode):
        raise VaultError(f"the {name} {path} is no plain file", "Check which file was named.")
    if status.st_uid != os.geteuid():
        text = f"the {name} {path} belongs to another user"
        raise VaultError(text, "Run the command as that user, without sudo.")
    if status.st_mode & _OTHERS:
        raise VaultError(f"others may open the {name} {path}", f"Run: chmod 600 {path}")


def write_private(path: Path, text: str) -> None:
    """Write a new secret file, mode 0600 and on disk on return; never over an old one.

    Raises:
        VaultError: it exists, or cannot be written.

    """
    try:
        descriptor = os.open(path, _CREATE, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            sync_folder(path.parent)
        except OSError:
            path.unlink()
            raise
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror}"
        hint = "Name a file that does not exist yet, in a folder that you may write to."
        raise VaultError(text, hint) from error


def sync_folder(folder: Path) -> None:
    """Let the names in *folder* survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
