"""Where simulated tags are kept: for each a file, its lock, and perhaps a tear."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from ntag424.errors import NoTagError
from ntag424.testing import SimulatedTag
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.places import home
from ntag424_provisioning.private_files import make_private_folder
from ntag424_provisioning.sim._facts import facts_of
from ntag424_provisioning.sim._lock import TagLock
from ntag424_provisioning.sim._names import is_tag_name, tag_name, tag_pattern
from ntag424_provisioning.sim._taken import TakenTag
from ntag424_provisioning.sim._tear import Tear

_TAMPER_OFF = b"II"


class Shelf:
    """The simulated tags in *folder*, each `NAME.json`.

    All methods raise SetupError for what is no name, and where the folder or a file in it
    cannot be used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or home() / "sim"

    def names(self, pattern: str = "*") -> list[str]:
        """Name the tags that *pattern* fits, in order; `*` stands for any letters, `?` for one."""
        tag_pattern(pattern)
        there = (path.stem for path in self._folder.glob("*.json"))
        # What is half saved begins with a dot, and so is no name.
        return sorted(name for name in there if is_tag_name(name) and fnmatchcase(name, pattern))

    def make(self, name: str, uid: bytes, *, with_tamper_loop: bool) -> None:
        """Put down a blank tag, as NXP delivers it but for NXP's signature."""
        path = self._path(name)
        with self._in_order(name):
            make_private_folder(self._folder)
            lock = self._lock(name)
            try:
                if path.exists():
                    hint = "Choose another name, or remove the tag: ntag424 sim remove."
                    raise SetupError(f"there is a simulated tag {name!r} already", hint)
                tamper = _TAMPER_OFF if with_tamper_loop else None
                SimulatedTag.blank(uid, tamper=tamper).save(path)
            finally:
                lock.release()

    def take(self, name: str) -> TakenTag:
        """Take a tag to use it; it has to be put back.

        Raises:
            NoTagError: there is none of this name.
            ReaderBusyError: another program uses it.

        """
        path = self._path(name)
        with self._in_order(name):
            if not path.exists():
                raise unknown(name)
            lock = self._lock(name)
            try:
                return TakenTag(lock, path, self._tear_path(name))
            except BaseException:
                lock.release()
                raise

    def facts(self, name: str) -> dict[str, object]:
        """Tell what a tag is like, without its keys, also while it is in use.

        Raises:
            NoTagError: there is none of this name.

        """
        with self._in_order(name):
            tear = Tear.read(self._tear_path(name))
            told = None if tear is None else tear.record()
            return {"name": name, **facts_of(self._path(name)), "tear": told}

    def arm(self, name: str, tear: Tear) -> None:
        """Have the tag torn away once; `TakenTag` says when.

        Raises:
            NoTagError: there is none of this name.
            ReaderBusyError: another program uses it.

        """
        with self.take(name), self._in_order(name):
            tear.write(self._tear_path(name))

    def remove(self, name: str) -> None:
        """Destroy a tag.

        Raises:
            NoTagError: there is none of this name.
            ReaderBusyError: another program uses it.

        """
        path = self._path(name)
        with self._in_order(name):
            if not path.exists():
                raise unknown(name)
            lock = self._lock(name)
            path.unlink(missing_ok=True)
            self._tear_path(name).unlink(missing_ok=True)
            for half_saved in self._folder.glob(f".{path.name}.*"):
                half_saved.unlink(missing_ok=True)
            lock.remove()

    def _path(self, name: str) -> Path:
        return self._folder / f"{tag_name(name)}.json"

    def _tear_path(self, name: str) -> Path:
        return self._folder / f"{tag_name(name)}.tear"

    def _lock(self, name: str) -> TagLock:
        return TagLock(self._folder / f"{tag_name(name)}.lock")

    @contextmanager
    def _in_order(self, name: str) -> Iterator[None]:
        """Say what is wrong with the files of a tag."""
        try:
            yield
        except FileNotFoundError as error:
            raise unknown(name) from error
        except OSError as error:
            text = f"the simulated tag {name!r} in {self._folder} cannot be used"
            raise SetupError(f"{text}: {error.strerror}") from error
        except ValueError as error:
            hint = "Make another one: ntag424 sim new."
            raise SetupError(f"no simulated tag is in the file of {name!r}", hint) from error


def unknown(name: str) -> NoTagError:
    """Make the error for a name, or a pattern, that fits no simulated tag."""
    hint = 'Make one with "ntag424 sim new", or see "ntag424 sim list".'
    return NoTagError(f"there is no simulated tag {name!r}", hint=hint)
