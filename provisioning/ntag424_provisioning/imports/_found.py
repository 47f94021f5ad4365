"""What every other system tells of a tag, read strictly."""

from __future__ import annotations

import re
from typing import Protocol

from ntag424 import Key, Uid
from ntag424.model import MAX_READ_COUNTER
from ntag424_provisioning.imports._rows import Row
from ntag424_provisioning.model import FACTORY_KEY, KnownTag, SlotKey

_KEY = re.compile("[0-9A-Fa-f]{32}")
_LONGEST_LABEL = 200


class RowError(Exception):
    """A row does not tell what is needed. The sentence quotes no cell."""


class Source(Protocol):
    """A system that tags come from."""

    def read(self, row: Row) -> KnownTag:
        """Return what a row tells of a tag.

        Raises:
            RowError: it does not tell enough.

        """
        ...


def uid_of(text: str) -> Uid:
    """Read a UID.

    Raises:
        RowError: it is missing, or none.

    """
    if not text:
        raise RowError("it has no uid: 14 hex digits")
    try:
        return Uid.from_hex(text)
    except ValueError as error:
        raise RowError(str(error)) from None


def counter_of(text: str) -> int:
    """Read the highest counter that was used up; a tag without one was never tapped.

    Raises:
        RowError: it is no decimal number up to FFFFFFh.

    """
    if not re.fullmatch("[0-9]{0,8}", text, re.ASCII) or int(text or "0") > MAX_READ_COUNTER:
        raise RowError("its counter is no decimal number up to 16777215")
    return int(text or "0")


def key_of(number: int, text: str) -> Key:
    """Read the key of slot *number*.

    Raises:
        RowError: it is missing, or none.

    """
    if not _KEY.fullmatch(text):
        raise RowError(f"its key {number} is not written as 32 hex digits")
    return Key.from_hex(text)


def label_of(text: str) -> str:
    """Read a name for people.

    Raises:
        RowError: it is too long, or not made of letters.

    """
    if len(text) > _LONGEST_LABEL or not text.isprintable():
        raise RowError(f"its name is longer than {_LONGEST_LABEL} characters, or unprintable")
    return text


def alternatives(key: Key, *version_bytes: int, blank: bool) -> tuple[SlotKey, ...]:
    """Return what may be in a slot, the likeliest last.

    No system tells the version byte that it wrote beside a key; the tag tells it to
    everybody. *blank* also reckons with a slot that is as NXP delivered it.
    """
    held = tuple(SlotKey(key, version) for version in version_bytes)
    return (FACTORY_KEY, *held) if blank and FACTORY_KEY not in held else held
