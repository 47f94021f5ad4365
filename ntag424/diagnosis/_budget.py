"""A bound on the search that gives the same answer on every machine."""

from __future__ import annotations

from ntag424.model import Mode

# Rough costs in microseconds with `cryptography` (pycryptodome takes several times as much):
# deriving a key and opening a session, and a block of MAC.
_SESSION = {Mode.AES: 16, Mode.LRP: 1100}
_FIRST_BLOCK = {Mode.AES: 6, Mode.LRP: 220}
_BLOCK = {Mode.AES: 0, Mode.LRP: 130}
_OPENING = {Mode.AES: 4, Mode.LRP: 150}
_BLOCK_BYTES = 16


class Budget:
    """What may still be computed, estimated and not measured.

    One purse for each mode: what LRP costs must not starve the search in AES.
    """

    def __init__(self, *, aes: int = 400_000, lrp: int = 2_800_000) -> None:
        self._left = {Mode.AES: aes, Mode.LRP: lrp}
        #: Whether anything was refused.
        self.overdrawn = False

    def session(self, mode: Mode) -> bool:
        """Pay for one key and session; False if that is too much."""
        return self._pay(mode, _SESSION[mode])

    def mac(self, mode: Mode, length: int) -> bool:
        """Pay for one MAC over *length* bytes; False if that is too much."""
        return self._pay(mode, _FIRST_BLOCK[mode] + length // _BLOCK_BYTES * _BLOCK[mode])

    def opening(self, mode: Mode) -> bool:
        """Pay for one decryption of PICCData; False if that is too much."""
        return self._pay(mode, _OPENING[mode])

    def _pay(self, mode: Mode, cost: int) -> bool:
        if self._left[mode] < cost:
            self.overdrawn = True
            return False
        self._left[mode] -= cost
        return True
