"""Which keys might be on the tag: those of the candidates, and what people mistake for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto, unique
from functools import cached_property
from typing import NoReturn

from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    KeyScheme,
    KeyState,
    KeyVersion,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
    is_diversified,
)
from ntag424.model import Key
from ntag424.verifier import Verifier

# DF name of the NDEF application (NT4H2421Gx §8.2.2).
_APPLICATION = bytes.fromhex("D2760000850101")
#: Where people count from when they number a card's versions.
_BOLTCARD_VERSIONS = range(3)
#: SENTRY's salt where neither NTAG424_SALT nor DOMAIN is set.
_SENTRY_SALT = "sentry.red"
_ZEROS = Key(bytes(16))
#: Issuer key of Boltcard's examples (docs/DETERMINISTIC.md).
_BOLTCARD_EXAMPLE = Key(bytes(15) + b"\x01")


@dataclass(frozen=True)
class PlainCmacKeys:
    """A plain CMAC, in the two ways that it is taken for AN10922.

    With the application it is over `01h || UID || DF name || key number`, 16 bytes, which
    AN10922 pads to two blocks and a CMAC does not; without, over the UID alone.
    """

    file_read_number = 2
    meta_read_number = None
    epochs = range(1)

    master: Key = field(repr=False)
    with_application: bool = True

    def tag_key(self, uid: bytes, key_number: int, epoch: int = 0) -> Key:
        """See `KeyScheme.tag_key`."""
        if epoch not in self.epochs:
            raise ValueError(f"this scheme has no keys for epoch {epoch}")
        message = b"\x01" + uid + _APPLICATION + bytes((key_number,))
        return Key(self.master.aes.cmac(message if self.with_application else uid))

    def meta_read_key(self) -> NoReturn:
        """See `KeyScheme.meta_read_key`."""
        raise ValueError("a plain CMAC over the UID gives no meta-read key")


def master_of(scheme: KeyScheme) -> Key | None:
    """Return the key of 16 bytes that a scheme derives from, if it is a known scheme."""
    match scheme:
        case BoltcardKeys():
            return scheme.issuer_key
        case An10922Keys() | HkdfKeys() | SentryEv2Keys() | SentryHkdfKeys():
            return scheme.master
        case SdmBackendKeys() | SdmBackendLegacyKeys():
            raw = bytes(scheme.master)
            return Key(raw) if len(raw) == 16 else None
        case _:
            return None


def relatives(scheme: KeyScheme, master: Key) -> list[KeyScheme]:
    """Return what else might have been derived from the *master* of *scheme*."""
    found: list[KeyScheme] = [
        An10922Keys(master),
        PlainCmacKeys(master),
        PlainCmacKeys(master, with_application=False),
        HkdfKeys(master),
        SdmBackendKeys(master),
        SdmBackendLegacyKeys(master),
        *(BoltcardKeys(master, version) for version in _BOLTCARD_VERSIONS),
        SentryEv2Keys(master),
        SentryHkdfKeys(master, salt=_SENTRY_SALT),
    ]
    return [relative for relative in found if relative != scheme]


def development_schemes() -> list[KeyScheme]:
    """Return schemes over masters that stand in published examples, or are all zeros."""
    # sdm-backend's default master of zeros stands for factory keys: no scheme is needed.
    return [
        *(BoltcardKeys(_BOLTCARD_EXAMPLE, version) for version in _BOLTCARD_VERSIONS),
        An10922Keys(_ZEROS),
        HkdfKeys(_ZEROS),
    ]


_SLOTS = range(5)
_NO_UID = bytes(7)
_FACTORY = Key(bytes(16))


@unique
class Origin(Enum):
    """How a key came about."""

    #: As the scheme of the key version says.
    SCHEME = auto()
    #: As that scheme says, for another slot than the one that is due.
    OTHER_SLOT = auto()
    #: As that scheme says, for a UID of zeros.
    NO_UID = auto()
    #: As that scheme says, for the UID in reverse.
    REVERSED_UID = auto()
    #: The master of that scheme, as it is.
    MASTER = auto()
    #: From the master of that scheme, by another one.
    RELATIVE = auto()
    FACTORY = auto()
    #: From a master that everybody knows.
    DEVELOPMENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLabel:
    """All that is ever said of a key."""

    origin: Origin
    keyring: int | None = None
    version: int | None = None
    state: KeyState | None = None
    scheme: str | None = None
    slot: int | None = None
    epoch: int | None = None
    #: Whether it is what the scheme calls its meta-read key.
    is_meta: bool = False

    @property
    def family(self) -> tuple[int | None, int | None]:
        """Which keyring and version it goes back to; keys of one tag agree in it."""
        return self.keyring, self.version


@dataclass(frozen=True, slots=True, eq=False)
class FileKey:
    """A key that might make the MAC of the tag whose UID it is asked for."""

    label: KeyLabel
    of: Callable[[bytes], Key] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MetaKey:
    """A key that might encrypt PICCData."""

    label: KeyLabel
    key: Key = field(repr=False)


@dataclass(frozen=True)
class KeyChoices:
    """What to try for one candidate, the more likely first."""

    proper: tuple[FileKey, ...]
    mistaken: tuple[FileKey, ...]
    foreign: tuple[FileKey, ...]
    meta: tuple[MetaKey, ...]
    own: tuple[tuple[int, KeyVersion], ...]

    @cached_property
    def of_all_epochs(self) -> tuple[FileKey, ...]:
        """The proper keys of every epoch; made when they are needed, because there are many."""
        return tuple(
            _derived(
                _label(index, version), version.scheme, version.scheme.file_read_number, epoch
            )
            for index, version in self.own
            for epoch in version.scheme.epochs
        )


def key_choices(
    verifiers: tuple[Verifier, ...], candidate: int, named: int | None, epoch: int
) -> KeyChoices:
    """Collect the keys to try with the template of one candidate.

    *named* is the key version, and *epoch* the epoch, that the URL names.
    """
    own = [(candidate, version) for version in _named_first(verifiers[candidate], named)]
    others = [
        (index, version)
        for index, verifier in enumerate(verifiers)
        if index != candidate
        for version in verifier.keyring
    ]
    mistaken = [key for index, version in own for key in _mistaken(index, version, epoch)]
    return KeyChoices(
        proper=tuple(_proper(index, version, epoch) for index, version in own),
        mistaken=(*_known_to_all(), *mistaken),
        foreign=tuple(_proper(index, version, epoch) for index, version in others),
        meta=tuple(_meta_keys([*own, *others])),
        own=tuple(own),
    )


def _named_first(verifier: Verifier, named: int | None) -> list[KeyVersion]:
    return sorted(verifier.keyring, key=lambda version: version.ordinal != named)


def _label(index: int, version: KeyVersion) -> KeyLabel:
    return KeyLabel(
        origin=Origin.SCHEME,
        keyring=index,
        version=version.ordinal,
        state=version.state,
        scheme=type(version.scheme).__name__,
    )


# ---- file-read keys -------------------------------------------------------------------------


def _derived(label: KeyLabel, scheme: KeyScheme, slot: int, epoch: int) -> FileKey:
    known = epoch if epoch in scheme.epochs else scheme.epochs[0]
    return FileKey(
        replace(label, slot=slot, epoch=known), lambda uid: scheme.tag_key(uid, slot, known)
    )


def _proper(index: int, version: KeyVersion, epoch: int) -> FileKey:
    scheme = version.scheme
    return _derived(_label(index, version), scheme, scheme.file_read_number, epoch)


def _mistaken(index: int, version: KeyVersion, epoch: int) -> Iterator[FileKey]:
    label, scheme = _label(index, version), version.scheme
    for slot in _SLOTS:
        if slot not in (scheme.file_read_number, scheme.meta_read_number) and _knows(scheme, slot):
            yield _derived(replace(label, origin=Origin.OTHER_SLOT), scheme, slot, epoch)
    if scheme.meta_read_number is not None:
        slot = scheme.meta_read_number
        as_file = replace(label, origin=Origin.OTHER_SLOT, slot=slot, is_meta=True)
        yield FileKey(as_file, lambda _uid: scheme.meta_read_key())
    if is_diversified(scheme):
        yield _for_reversed_uid(_derived(label, scheme, scheme.file_read_number, epoch))
    master = master_of(scheme)
    if master is not None:
        yield FileKey(replace(label, origin=Origin.MASTER, scheme=None), lambda _uid: master)
        for relative in relatives(scheme, master):
            named = replace(label, origin=Origin.RELATIVE, scheme=type(relative).__name__)
            yield _derived(named, relative, scheme.file_read_number, epoch)


def _knows(scheme: KeyScheme, slot: int) -> bool:
    """Tell whether the scheme has a key for this slot; static keys have two."""
    try:
        scheme.tag_key(_NO_UID, slot, scheme.epochs[0])
    except ValueError:
        return False
    return True


def _for_reversed_uid(key: FileKey) -> FileKey:
    return FileKey(replace(key.label, origin=Origin.REVERSED_UID), lambda uid: key.of(uid[::-1]))


def _known_to_all() -> Iterator[FileKey]:
    yield FileKey(KeyLabel(origin=Origin.FACTORY), lambda _uid: _FACTORY)
    for scheme in development_schemes():
        label = KeyLabel(origin=Origin.DEVELOPMENT, scheme=type(scheme).__name__)
        yield _derived(label, scheme, scheme.file_read_number, 0)


# ---- meta-read keys -------------------------------------------------------------------------


def _meta_keys(versions: Iterable[tuple[int, KeyVersion]]) -> Iterator[MetaKey]:
    """Give each key once, under the first label it has."""
    seen: set[Key] = set()
    for made in _all_meta_keys(list(versions)):
        if made.key not in seen:
            seen.add(made.key)
            yield made


def _all_meta_keys(versions: list[tuple[int, KeyVersion]]) -> Iterator[MetaKey]:
    for index, version in versions:
        yield from _own_meta_key(_label(index, version), version.scheme)
    yield MetaKey(KeyLabel(origin=Origin.FACTORY), _FACTORY)
    for scheme in development_schemes():
        label = KeyLabel(origin=Origin.DEVELOPMENT, scheme=type(scheme).__name__)
        yield from _own_meta_key(label, scheme)
    for index, version in versions:
        yield from _mistaken_meta_keys(_label(index, version), version.scheme)


def _own_meta_key(label: KeyLabel, scheme: KeyScheme) -> Iterator[MetaKey]:
    if scheme.meta_read_number is not None:
        own = replace(label, slot=scheme.meta_read_number, is_meta=True)
        yield MetaKey(own, scheme.meta_read_key())


def _mistaken_meta_keys(label: KeyLabel, scheme: KeyScheme) -> Iterator[MetaKey]:
    # Before PICCData is decrypted the UID is not known: a tag's own key is no use here.
    origin = Origin.NO_UID if is_diversified(scheme) else Origin.OTHER_SLOT
    for slot in _SLOTS:
        if _knows(scheme, slot):
            epoch = scheme.epochs[0]
            key = scheme.tag_key(_NO_UID, slot, epoch)
            yield MetaKey(replace(label, origin=origin, slot=slot, epoch=epoch), key)
    master = master_of(scheme)
    if master is None:
        return
    yield MetaKey(replace(label, origin=Origin.MASTER, scheme=None), master)
    for relative in relatives(scheme, master):
        if not isinstance(relative, PlainCmacKeys):
            named = replace(label, origin=Origin.RELATIVE, scheme=type(relative).__name__)
            yield from _own_meta_key(named, relative)
