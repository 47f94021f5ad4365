"""AES-128, and LRP and CMAC which the tag builds from it, on one of two interchangeable backends.

The backend is chosen when this package is imported: `cryptography` where it is
installed, else `pycryptodome`; the environment variable ``NTAG424_CRYPTO`` names
one explicitly. Everything is bytes in, bytes out.
"""

from ntag424.crypto._aes128 import (
    Aes128,
    aes_cbc_decrypt,
    aes_cbc_encrypt,
    aes_cmac,
    aes_ecb_decrypt,
    aes_ecb_encrypt,
)
from ntag424.crypto._kdf import an10922, hkdf_sha256
from ntag424.crypto._lrp import Lrp

__all__ = [
    "Aes128",
    "Lrp",
    "aes_cbc_decrypt",
    "aes_cbc_encrypt",
    "aes_cmac",
    "aes_ecb_decrypt",
    "aes_ecb_encrypt",
    "an10922",
    "hkdf_sha256",
]
