"""What every key scheme answers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ntag424.arguments import require_octets, require_type
from ntag424.model import Key

#: Epochs of a scheme that derives new keys each time a tag is provisioned.
EPOCHS = range(256)
#: Epochs of a scheme that has one set of keys per tag for ever.
NO_EPOCHS = range(1)
# Two serial numbers NXP does not issue (byte 0 is not 04): any UID would do.
PROBE, _OTHER_PROBE = b"\x00PROBE1", b"\x00PROBE2"


@runtime_checkable
class KeyScheme(Protocol):
    """Says which key is in which slot of which tag."""

    @property
    def file_read_number(self) -> int:
        """The key number, 0 to 4, whose key makes the MAC (SDMFileRead)."""
        ...

    @property
    def meta_read_number(self) -> int | None:
        """The key number whose key encrypts PICCData (SDMMetaRead), if the scheme has one."""
        ...

    @property
    def epochs(self) -> range:
        """Every epoch that `tag_key` accepts."""
        ...

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """Return the key in slot *key_number* of the tag *uid* (7 bytes).

        Raises:
            ValueError: the scheme does not know this slot or this epoch.

        """
        ...

    def meta_read_key(self) -> Key:
        """Return the meta-read key, which all tags of the scheme share.

        It must be shared: the UID is known only after PICCData is decrypted.

        Raises:
            ValueError: the scheme has none.

        """
        ...


def require_key(name: str, key: object) -> None:
    """Refuse what is no `Key`: most often its hex digits, or its bytes."""
    require_type(name, key, Key, instead="Key.from_hex(...) or Key(...)")


def require_scheme(name: str, scheme: object) -> None:
    """Refuse what is no key scheme: most often a key, or a class instead of an object."""
    if isinstance(scheme, type) or not isinstance(scheme, KeyScheme):
        given = scheme.__name__ if isinstance(scheme, type) else type(scheme).__name__
        raise TypeError(f"{name} has to be a key scheme, not {given}: write An10922Keys(key)")


def require(uid: bytes, key_number: int, epoch: int, epochs: range) -> None:
    """Refuse what is no UID, no application key number, or no epoch of the scheme."""
    require_octets("uid", uid, instead="Uid.from_hex(...)")
    if len(uid) == 7 and 0 <= key_number <= 4 and epoch in epochs:
        return
    if len(uid) != 7:
        raise ValueError(f"a UID has 7 bytes, not {len(uid)}")
    if not 0 <= key_number <= 4:
        raise ValueError(f"application keys are numbered 0 to 4, not {key_number}")
    raise ValueError(f"this scheme has no keys for epoch {epoch}")


def is_diversified(scheme: KeyScheme) -> bool:
    """Tell whether every tag has a file-read key of its own."""
    number = scheme.file_read_number
    return scheme.tag_key(PROBE, number) != scheme.tag_key(_OTHER_PROBE, number)
