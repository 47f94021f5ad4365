"""Signs lists of tags, so that a service can tell that they come from this vault."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from ntag424.replay import Enrolment, EnrolmentList

_LABEL = b"ntag424 enrolment signer v1"
_ALGORITHM = "Ed25519"  # RFC 9864


class Secret(Protocol):
    """What has a secret of its own that others can be derived from; the vault has."""

    def derive(self, label: bytes) -> bytes:
        """Return 32 secret bytes for the purpose *label*: the same every time."""
        ...


class Signer:
    """An Ed25519 key pair. Whoever trusts it needs its public key alone."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 secret bytes of RFC 8032."""
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        self._key = OKPKey.import_key(
            {"kty": "OKP", "crv": _ALGORITHM, "x": _base64(public), "d": _base64(seed)}
        )
        #: 64 hex digits: what the service is told once.
        self.public_key = public.hex()

    @classmethod
    def of(cls, secret: Secret) -> Self:
        """Return the signer of a vault; a vault has one for ever."""
        return cls(secret.derive(_LABEL))

    @property
    def fingerprint(self) -> str:
        """RFC 7638, SHA-256: the `kid` of everything it signs."""
        return self._key.thumbprint()

    def sign(self, tags: Iterable[Enrolment], *, made_at: int) -> str:
        """Return a list of *tags* as a JWS in compact serialisation (RFC 7515)."""
        payload = bytes(EnrolmentList(made_at, tuple(tags)))
        header = {"alg": _ALGORITHM, "typ": EnrolmentList.SIGNED_TYPE, "kid": self.fingerprint}
        return jws.serialize_compact(header, payload, self._key, algorithms=[_ALGORITHM])


def _base64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
