"""Bolt Cards: wipe keys as JSON, or the `cards` table of a boltcard server or hub.

All of them hold the five keys of each card. Only the server keeps key 1 elsewhere: it is
its setting AES_DECRYPT_KEY, the same for all cards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ntag424 import Key
from ntag424_provisioning.imports._found import (
    RowError,
    alternatives,
    counter_of,
    key_of,
    label_of,
    uid_of,
)
from ntag424_provisioning.imports._rows import Row
from ntag424_provisioning.model import KnownTag, Slots, Stage

# By slot: as the wipe keys call it, as the server does, and as the hub does.
_KEYS = (
    ("k0", "k0_auth_key", "key0_auth"),
    ("k1", "k1_decrypt_key", "key1_enc"),
    ("k2", "k2_cmac_key", "key2_cmac"),
    ("k3", "key3"),
    ("k4", "key4"),
)
_COUNTERS = ("last_counter_value", "last_counter", "counter")
_DECRYPT_KEY = 1
# The programmer app writes 01h with its keys, and 00h with the factory's when it wipes.
_LIKELIEST_LAST = (0, 1)


@dataclass(frozen=True, slots=True)
class Boltcards:
    """A `Source` of cards with keys of their own."""

    #: AES_DECRYPT_KEY of a boltcard server; None where every row has its own key 1.
    decrypt_key: Key | None = field(default=None, repr=False)

    def read(self, row: Row) -> KnownTag:
        """See `Source.read`."""
        action = row.first("action")
        if action not in ("", "wipe"):
            raise RowError("its action is not wipe")
        if action and row.first("version") != "1":
            raise RowError("these wipe keys are not of version 1")
        return KnownTag(
            uid_of(row.first("uid")),
            self._slots(row),
            Stage.READY,
            label=label_of(row.first("card_name")),
            counter=counter_of(row.first(*_COUNTERS)),
        )

    def _slots(self, row: Row) -> Slots:
        # Marked as wiped when the wipe keys are shown: the card may be blank since.
        blank = row.first("wiped").upper() in ("Y", "T", "1")
        return tuple(
            alternatives(self._key(row, number, names), *_LIKELIEST_LAST, blank=blank)
            for number, names in enumerate(_KEYS)
        )

    def _key(self, row: Row, number: int, names: tuple[str, ...]) -> Key:
        text = row.first(*names)
        if text or number != _DECRYPT_KEY:
            return key_of(number, text)
        if self.decrypt_key is None:
            raise RowError("it has no key 1: a server's AES_DECRYPT_KEY, --decrypt-key-file")
        return self.decrypt_key
