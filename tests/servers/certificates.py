"""A certificate for a server on 127.0.0.1, and the authority that vouches for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_AUTHORITY, _SERVER = (
    x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    for name in ("authority of the tests", "127.0.0.1")
)
_VALID_FOR = timedelta(days=1)
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The three files that TLS needs; clients need the first alone."""

    authority: Path
    server: Path
    server_key: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Make new ones in *folder*."""
        made = cls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
        signing, serving = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        made.authority.write_bytes(_authority(signing).public_bytes(Encoding.PEM))
        made.server.write_bytes(_server(serving, signing).public_bytes(Encoding.PEM))
        made.server_key.touch(mode=0o600)
        made.server_key.write_bytes(
            serving.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return made


def _authority(signing: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return (
        _builder(_AUTHORITY, signing.public_key(), signing)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .sign(signing, SHA256())
    )


def _server(
    serving: ec.EllipticCurvePrivateKey, signing: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    address = x509.IPAddress(ip_address("127.0.0.1"))
    return (
        _builder(_SERVER, serving.public_key(), signing)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(signing, SHA256())
    )


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, signing: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_AUTHORITY)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID_FOR)
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(issuer, critical=False)
    )
