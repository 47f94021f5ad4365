"""One tap in LRP mode against one in AES mode, and against LRP written down plainly.

Run as a module it prints the two ratios, and the seconds of one operation of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from Crypto.Cipher import AES

from bench.ratios import compare, timer
from bench.report import Line
from ntag424 import Key, Mode, UrlTemplate
from ntag424.keys import An10922Keys
from ntag424.sdm import verify
from ntag424.testing import tap_source
from ntag424.testing.simulated_tag import _lrp as plain_lrp

_ROUNDS, _TIMES = 15, 20
#: How many AES taps one LRP tap may take, by backend.
_MOST = {"cryptography": 150.0, "pycryptodome": 60.0}
#: How many times quicker than the plain way a tap should be.
_LEAST = 4.0

_UID = bytes.fromhex("04DE5F1EACC040")
_KEYS = An10922Keys(Key(bytes(range(16))))
_TEMPLATE = UrlTemplate("https://id.example.com/t?p={picc}&m={mac}")


def lines() -> Iterator[Line]:
    """Measure every backend in a process of its own."""
    for backend, most in _MOST.items():
        found = _measured_with(backend)
        times, gain, aes, lrp, plain = found
        yield Line(
            f"LRP tap, {backend}: {lrp * 1e6:.0f} us, AES tap {aes * 1e6:.0f} us",
            f"{times:.0f} x",
            f"<= {most:.0f} x",
            times <= most,
        )
        yield Line(
            f"LRP tap, {backend}, against the plain way: {plain * 1e6:.0f} us",
            f"{gain:.1f} x",
            f">= {_LEAST:.0f} x",
            gain >= _LEAST,
        )


def _measured_with(backend: str) -> tuple[float, ...]:
    finished = subprocess.run(
        [sys.executable, "-m", "bench.lrp"],
        check=True,
        env=os.environ | {"NTAG424_CRYPTO": backend},
        stdout=subprocess.PIPE,
    )
    return tuple(json.loads(finished.stdout))


def main() -> None:
    """Print `[LRP over AES, plain over LRP, seconds of AES, of LRP, of the plain way]`."""
    aes, lrp = _verification(Mode.AES), _verification(Mode.LRP)
    found = compare([timer(lrp), timer(aes), timer(_plain())], rounds=_ROUNDS, times=_TIMES)
    seconds = found.seconds
    print(json.dumps([1 / found.ratios[1], found.ratios[2], seconds[1], seconds[0], seconds[2]]))


def _verification(mode: Mode) -> Callable[[], object]:
    message = _TEMPLATE.parse(tap_source(_TEMPLATE, _KEYS, _UID, mode=mode).tap()).message
    verify(message, _KEYS)  # a bench of refusals would be none
    return lambda: verify(message, _KEYS)


def _plain() -> Callable[[], object]:
    """Verify as one writes it down from AN12304: both tables of every key, at every use."""
    message = _TEMPLATE.parse(tap_source(_TEMPLATE, _KEYS, _UID, mode=Mode.LRP).tap()).message
    meta_read, picc_data = bytes(_KEYS.meta_read_key()), message.picc_data or b""

    def work() -> bool:
        block_key = plain_lrp.evaluate(_plain_key(meta_read), picc_data[:8])
        shown = AES.new(block_key, AES.MODE_ECB).decrypt(picc_data[8:])[1:11]
        key = _plain_key(bytes(_KEYS.tag_key(shown[:7], 2)))
        vector = bytes.fromhex("00010080") + shown + bytes.fromhex("1EE1")
        session_key = _plain_key(plain_lrp.cmac(key, vector))
        return plain_lrp.cmac(session_key, b"")[1::2] == message.mac

    if not work():
        raise ValueError("the plain way is wrong, so it says nothing")
    return work


def _plain_key(key: bytes) -> plain_lrp.LrpKey:
    return plain_lrp.LrpKey(plain_lrp.plaintexts(key), plain_lrp.updated_keys(key, 16)[0])


if __name__ == "__main__":
    main()
