"""A signed list of tags to enrol: who signed it is checked before anything of it is read."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from ntag424.replay import EnrolmentList
from ntag424_service.errors import ListRefusedError

#: Lists of 100,000 tags and more.
_MAX_BYTES = 32 * 1024 * 1024
_ALGORITHM = "Ed25519"  # RFC 9864: one curve, and no other
_HEX_KEY = "[0-9A-Fa-f]{64}"
_SIGNER_HINT = 'Give what "ntag424 tags signer" prints where the list was made, or a file with it.'


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose lists are trusted: an Ed25519 public key."""

    public_key: OKPKey

    @classmethod
    def read(cls, text: str) -> Signer:
        """Take 64 hex digits, or the path of a file that holds them.

        Raises:
            ListRefusedError: it is neither.

        """
        if not re.fullmatch(_HEX_KEY, text, re.ASCII):
            text = _read(Path(text)).decode("utf-8", "replace").strip()
        if not re.fullmatch(_HEX_KEY, text, re.ASCII):
            raise ListRefusedError("the signer is no public key of 64 hex digits", _SIGNER_HINT)
        point = urlsafe_b64encode(bytes.fromhex(text)).rstrip(b"=").decode("ascii")
        return cls(OKPKey.import_key({"kty": "OKP", "crv": _ALGORITHM, "x": point}))

    @property
    def fingerprint(self) -> str:
        """RFC 7638, SHA-256: the `kid` of what it signs."""
        return self.public_key.thumbprint()

    def verify(self, text: bytes) -> EnrolmentList:
        """Return the list that *text* carries.

        Raises:
            ListRefusedError: this signer did not sign it, or signed something else.

        """
        registry = JWSRegistry(algorithms=[_ALGORITHM])
        registry.max_payload_length = _MAX_BYTES
        try:
            signed = jws.deserialize_compact(text.strip(), self.public_key, registry=registry)
        except (JoseError, ValueError):  # its own message would quote the file
            raise ListRefusedError("the list is not signed by this signer", _SIGNER_HINT) from None
        expected = {"alg": _ALGORITHM, "typ": EnrolmentList.SIGNED_TYPE, "kid": self.fingerprint}
        # To the letter: no `crit`, no key of its own, nothing that this program does not know.
        if signed.headers() != expected or signed.payload is None:
            raise ListRefusedError("the signature is not one of a list of tags", _SIGNER_HINT)
        try:
            return EnrolmentList.from_bytes(signed.payload)
        except ValueError as error:
            raise ListRefusedError(
                str(error), "Make the list again, with the same release of ntag424."
            ) from None


def read_signed_list(path: Path, signer: Signer) -> EnrolmentList:
    """Return the list in the file *path*, if *signer* signed it.

    Raises:
        ListRefusedError: it cannot be read, or must not be trusted.

    """
    return signer.verify(_read(path))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ListRefusedError(
            f"{path} cannot be read ({error.strerror})", "Check the path and who may read it."
        ) from None
    if len(text) > _MAX_BYTES:
        raise ListRefusedError(f"{path} is larger than 32 MiB", "Split the list.")
    return text
