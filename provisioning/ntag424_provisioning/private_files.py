"""Files and folders for one user: so made whatever the umask, and refused if they are not."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from pathlib import Path

from ntag424_provisioning.errors import VaultError

# A link could lead anywhere, and a pipe would keep us waiting.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Hex digits of a key, or of two.
_KEY = re.compile("[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITE_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_MOST_BYTES = 65536


def read_private(path: Path, name: str) -> bytes:
    """Return the content of a secret file; messages call it *name*.

    Raises:
        VaultError: it is missing, no plain file, another user's, or open to others.

    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        if _KEY.fullmatch(path.name):
            raise VaultError(
                f"a key was given where the name of the {name} is due",
                "Write it into a file of your own, mode 600, and give the name of that. What "
                "stands in a command line others can read: do not use that key any more.",
            ) from None
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


def replace_private(path: Path, text: str) -> None:
    """Write a file, mode 0600, instead of what is there: whole and on disk, or not at all.

    Raises:
        OSError: it cannot be written; what was there before still is.

    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, _CREATE, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def make_private_folder(folder: Path) -> None:
    """Make *folder*, and the folders above it that are missing, for this user alone.

    One that is there is left as it is.

    Raises:
        OSError: it cannot be made, or there is something else.

    """
    try:
        # Not by `parents`: that makes those above as the umask says.
        folder.mkdir(0o700)
    except FileNotFoundError:
        make_private_folder(folder.parent)
        folder.mkdir(0o700, exist_ok=True)
    except FileExistsError:
        if not folder.is_dir():
            raise


def require_own_folder(folder: Path) -> None:
    """Refuse a folder in which others may exchange files: then no mode of a file helps.

    Raises:
        VaultError: others may write to it, and it has no sticky bit.
        OSError: it cannot be looked at.

    """
    mode = folder.stat().st_mode
    if mode & _WRITE_OTHERS and not mode & stat.S_ISVTX:
        raise VaultError(f"others may write to the folder {folder}", f"Run: chmod go-w {folder}")


def sync_folder(folder: Path) -> None:
    """Let the names in *folder* survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
