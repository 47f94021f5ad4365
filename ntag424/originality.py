"""NXP's signature over a UID (NT4H2421Gx §9.4, AN12196 §7.2).

It says that NXP signed this UID. It does not say that this chip is the one: whoever
read the signature can copy it. Never take it for an authentication.
"""

from __future__ import annotations

from ntag424.errors import OriginalityError

#: NXP's public key for NTAG 424 DNA, on secp224r1.
_POINT = (
    0x8A9B380AF2EE1B98DC417FECC263F8449C7625CECE82D9B916C992DA,
    0x209D68422B81EC20B65A66B5102A61596AF3379200599316A00A1410,
)
_NUMBER_BYTES = 28


def require_original(uid: bytes, signature: bytes) -> None:
    """Check the *signature*, r (28) || s (28), over *uid* (7).

    Raises:
        OriginalityError: it is not NXP's for this UID.

    """
    # Slow to import, and asked for once per tag at most.
    from Crypto.PublicKey import ECC  # noqa: PLC0415
    from Crypto.Signature import DSS  # noqa: PLC0415

    x, y = _POINT
    key = ECC.construct(curve="p224", point_x=x, point_y=y)
    try:
        DSS.new(key, "fips-186-3").verify(_Unhashed(uid), signature)
    except ValueError:
        raise OriginalityError(f"the signature of {uid.hex().upper()} is not NXP's") from None


class _Unhashed:
    """The UID where pycryptodome expects a hash: NXP signs it as it is."""

    #: SHA-224's, which has the length of the curve.
    oid = "2.16.840.1.101.3.4.2.4"

    def __init__(self, uid: bytes) -> None:
        if len(uid) != 7:
            raise ValueError(f"a UID has 7 bytes, not {len(uid)}")
        self._number = uid.rjust(_NUMBER_BYTES, b"\0")

    def digest(self) -> bytes:
        """Return the UID as a number of 28 bytes."""
        return self._number
