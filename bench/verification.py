"""`sdm.verify` against the plain way, on the backend this process has.

Run as a module it prints the ratio, and the seconds of one operation of either.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from bench.ratios import compare, timer
from bench.report import Line
from ntag424 import Key, Uid
from ntag424.keys import An10922Keys
from ntag424.sdm import TapMessage, verify

_ROUNDS, _TIMES = 25, 400
#: How many times quicker than the plain way `sdm.verify` should be, by backend.
_TARGETS = {"cryptography": 10.0, "pycryptodome": 2.0}

_UID = Uid.from_hex("04DE5F1EACC040")
_APPLICATION = bytes.fromhex("D2760000850101")
_COUNTER = (42).to_bytes(3, "little")
_MASTER = bytes(range(16))


def lines() -> Iterator[Line]:
    """Measure every backend in a process of its own."""
    for backend, target in _TARGETS.items():
        ratio, ours, plain = _measured_with(backend)
        yield Line(
            f"sdm.verify, {backend}: {ours * 1e6:.0f} us, plain way {plain * 1e6:.0f} us",
            f"{ratio:.1f} x",
            f">= {target:.0f} x",
            ratio >= target,
        )


def _measured_with(backend: str) -> tuple[float, float, float]:
    finished = subprocess.run(
        [sys.executable, "-m", "bench.verification"],
        check=True,
        env=os.environ | {"NTAG424_CRYPTO": backend},
        stdout=subprocess.PIPE,
    )
    ratio, ours, plain = json.loads(finished.stdout)
    return ratio, ours, plain


def main() -> None:
    """Print `[ratio, seconds of verify, seconds of the plain way]`."""
    keys = An10922Keys(Key(_MASTER))
    meta_key = bytes(keys.meta_read_key())
    picc_data = _picc_data(meta_key)
    mac = _plain_mac(meta_key, picc_data)
    ours = _ours(keys, picc_data, mac)
    ours()  # a bench of refusals would be none
    found = compare(
        [timer(ours), timer(lambda: _plain_mac(meta_key, picc_data) == mac)],
        rounds=_ROUNDS,
        times=_TIMES,
    )
    print(json.dumps([found.ratios[1], *found.seconds]))


def _ours(keys: An10922Keys, picc_data: bytes, mac: bytes) -> Callable[[], object]:
    return lambda: verify(TapMessage(picc_data=picc_data, mac=mac), keys)


def _picc_data(meta_key: bytes) -> bytes:
    plain = b"\xc7" + _UID + _COUNTER + b"noise"
    return AES.new(meta_key, AES.MODE_CBC, iv=bytes(16)).encrypt(plain)


def _plain_mac(meta_key: bytes, picc_data: bytes) -> bytes:
    """Compute SDMMAC as one writes it down from the data sheet: new objects throughout."""
    plain = AES.new(meta_key, AES.MODE_CBC, iv=bytes(16)).decrypt(picc_data)
    key = _plain_an10922(plain[1:8] + _APPLICATION + b"\x02")
    session = CMAC.new(key, bytes.fromhex("3CC300010080") + plain[1:11], ciphermod=AES).digest()
    return CMAC.new(session, b"", ciphermod=AES).digest()[1::2]


def _plain_an10922(message: bytes) -> bytes:
    """AN10922 of up to 30 bytes: subkeys, padding, and CBC over two blocks."""
    subkey = int.from_bytes(AES.new(_MASTER, AES.MODE_ECB).encrypt(bytes(16)), "big")
    for _ in range(2):
        subkey = (subkey << 1) ^ (subkey >> 127) * (1 << 128 | 0x87)
    padded = (b"\x01" + message + b"\x80").ljust(32, b"\x00")
    mixed = (int.from_bytes(padded, "big") ^ subkey).to_bytes(32, "big")
    return AES.new(_MASTER, AES.MODE_CBC, iv=bytes(16)).encrypt(mixed)[16:]


if __name__ == "__main__":
    main()
