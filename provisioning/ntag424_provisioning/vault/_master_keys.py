"""Master keys: everything that the keys of all tags of a version follow from."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from ntag424 import Key, KeyState, Uid
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
)
from ntag424_provisioning.vault._members import Form, Member, Written

#: Every scheme that knows the keys of all five slots.
Scheme: TypeAlias = (
    An10922Keys
    | HkdfKeys
    | SentryHkdfKeys
    | SentryEv2Keys
    | BoltcardKeys
    | SdmBackendKeys
    | SdmBackendLegacyKeys
)

_KEY = Member("master_key", "master", Form.KEY, is_optional=False)
_MASTER = Member("master_key", "master", Form.MASTER, is_optional=False)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A scheme's class with its members, the secret first."""

    build: Callable[..., Scheme]
    members: tuple[Member, ...]


_KINDS: Mapping[str, _Kind] = {
    "an10922": _Kind(An10922Keys, (_KEY, Member("system_id", "system_id", Form.HEX))),
    "hkdf": _Kind(HkdfKeys, (_KEY, Member("salt", "salt", Form.HEX))),
    "sentry-hkdf": _Kind(
        SentryHkdfKeys,
        (
            _KEY,
            Member("salt", "salt", Form.TEXT, is_optional=False),
            Member("info", "info", Form.TEXT),
        ),
    ),
    "sentry-ev2": _Kind(SentryEv2Keys, (_KEY, Member("key_version", "key_version", Form.NUMBER))),
    "boltcard": _Kind(
        BoltcardKeys,
        (
            Member("issuer_key", "issuer_key", Form.KEY, is_optional=False),
            Member("version", "version", Form.NUMBER),
        ),
    ),
    "sdm-backend": _Kind(SdmBackendKeys, (_MASTER,)),
    "sdm-backend-legacy": _Kind(SdmBackendLegacyKeys, (_MASTER,)),
}
#: Those that we draw keys for ourselves.
_OWN: Mapping[str, Callable[[Key], Scheme]] = {"an10922": An10922Keys, "hkdf": HkdfKeys}
# No chip of NXP's has it: byte 0 is not 04.
_EXAMPLE = Uid(b"EXAMPLE")
_FINGERPRINT, _CHECK_CODE = b"ntag424 fingerprint v1", b"ntag424 recovery sheet v1"
# Crockford's base 32: no letter that is taken for a digit.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """A scheme in a form that is stored, printed and read back.

    Raises:
        ValueError: the scheme does not know every slot, or its master key is all zero,
            as tags leave the factory.

    """

    scheme: Scheme

    def __post_init__(self) -> None:
        if all(kind.build is not type(self.scheme) for kind in _KINDS.values()):
            raise ValueError("only schemes that know the keys of all five slots write tags")
        if not any(next(octets for _, octets in self.octets())):
            raise ValueError("a master key of zeros is no secret")

    @classmethod
    def draw(cls, name: str) -> Self:
        """Draw a master key for one of our own schemes, `an10922` or `hkdf`."""
        return cls(_OWN[name](Key(secrets.token_bytes(16))))

    def redrawn(self) -> Self:
        """Draw another master key; all else remains."""
        return replace(self, scheme=_with_secret(self.scheme, Key(secrets.token_bytes(16))))

    @property
    def name(self) -> str:
        """The scheme, as files call it."""
        return next(name for name, kind in _KINDS.items() if kind.build is type(self.scheme))

    def octets(self) -> Iterator[tuple[Member, bytes]]:
        """Give every member with its bytes, the secret first; not what was left open."""
        for member in members_of(self.name):
            value = getattr(self.scheme, member.attribute)
            if value is not None:
                yield member, member.form.octets(value)

    @classmethod
    def of_octets(cls, name: str, found: Mapping[str, bytes]) -> Self:
        """Undo `octets`, by the names of the members.

        Raises:
            ValueError: there is no such scheme, or its members are others.

        """
        members = members_of(name)
        due = {member.name for member in members if not member.is_optional}
        if not due <= found.keys() <= {member.name for member in members}:
            raise ValueError(f"the members of {name} are {', '.join(m.name for m in members)}")
        values = {m.attribute: m.form.held(found[m.name]) for m in members if m.name in found}
        return cls(_KINDS[name].build(**values))

    def members(self) -> dict[str, Written]:
        """Return what stands in the service's keyring file, beside ordinal and state."""
        return {member.name: member.form.written(octets) for member, octets in self.octets()}

    @classmethod
    def of_members(cls, name: str, members: Mapping[str, object]) -> Self:
        """Undo `members`.

        Raises:
            ValueError: there is no such scheme, or its members are others.

        """
        forms = {member.name: member.form for member in members_of(name)}
        if not members.keys() <= forms.keys():
            raise ValueError(f"the members of {name} are {', '.join(forms)}")
        return cls.of_octets(name, {key: forms[key].read(text) for key, text in members.items()})

    def toml(self, ordinal: int, state: KeyState) -> str:
        """Return the table of a keyring file, as the service reads it."""
        head = {"ordinal": ordinal, "state": state.value, "scheme": self.name}
        pairs = {**head, **self.members()}.items()
        return "[[version]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in pairs)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name the keys and do not tell them.

        Made of the keys of an example tag: whoever gets the same ones derives the same
        keys for all tags.
        """
        return hashlib.sha256(_FINGERPRINT + _example(self)).hexdigest()[:16].upper()


def check_code(keys: Iterable[MasterKeys]) -> str:
    """Return eight characters that only somebody who has all these *keys* can say."""
    examples = b"".join(sorted(_example(one) for one in keys))
    number = int.from_bytes(hmac.digest(examples, _CHECK_CODE, "sha256"), "big")
    digits = "".join(_DIGITS[number >> 5 * place & 31] for place in range(_CODE_LENGTH))
    return f"{digits[:4]}-{digits[4:]}"


def is_code(typed: str, due: str) -> bool:
    """Compare a check code as people type it: case, spaces, and letters for digits."""
    plain = "".join(typed.upper().replace("-", "").split())
    likely = plain.translate(str.maketrans("OIL", "011"))
    return hmac.compare_digest(likely.encode(), due.replace("-", "").encode())


def members_of(name: str) -> tuple[Member, ...]:
    """List the members of a scheme.

    Raises:
        ValueError: there is no such scheme.

    """
    if name not in _KINDS:
        raise ValueError(f"there is no scheme of this name; there are {', '.join(_KINDS)}")
    return _KINDS[name].members


def _example(keys: MasterKeys) -> bytes:
    """Return the keys of an example tag."""
    scheme = keys.scheme
    found = [scheme.tag_key(_EXAMPLE, number) for number in range(5)]
    found.append(scheme.tag_key(_EXAMPLE, scheme.file_read_number, scheme.epochs[-1]))
    if scheme.meta_read_number is not None:
        found.append(scheme.meta_read_key())
    return keys.name.encode() + b"".join(bytes(key) for key in found)


def _with_secret(scheme: Scheme, key: Key) -> Scheme:
    if isinstance(scheme, BoltcardKeys):
        return replace(scheme, issuer_key=key)
    return replace(scheme, master=key)


def _toml(value: Written) -> str:
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
