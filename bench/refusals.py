"""Whether the time of a refusal tells which key versions and epochs are accepted.

Each kind of refusal is timed in turn with a wrong MAC under an accepted version, single
calls in pairs, with random messages. The first line compares that with itself, and the one of
another accepted version does the same work: what they show is the machine.
"""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import sqrt
from statistics import fmean, median, quantiles, variance
from time import perf_counter_ns
from typing import TypeAlias

from bench.report import Line
from ntag424 import Key, Keyring, KeyState, KeyVersion, TapMacError, UrlTemplate, Verifier
from ntag424.keys import An10922Keys, BoltcardKeys, KeyScheme

#: Gives a URL that is refused, another one each time.
Source: TypeAlias = Callable[[], str]

_PAIRS = 20_000
#: A difference of the medians that no network shows: 150 ns of 30 us. Welch's t stands beside
#: it; beyond 4.5 a difference is taken for one (TVLA, dudect).
_MOST = 0.005
_TEMPLATE = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
_MASTERS = [Key(bytes([number]) * 16) for number in range(1, 4)]
#: What stands at `{kv}{epoch}` of the accepted version, and of the others by kind.
_ACCEPTED = "0201"
_KINDS = {
    "the same": _ACCEPTED,
    "an unknown version": "0901",
    "version 0": "0001",
    "a retired version": "0101",
    "another accepted version": "0301",
}


def lines() -> Iterator[Line]:
    """Compare every kind of refusal with a wrong MAC."""
    derived = _verifier(*map(An10922Keys, _MASTERS))
    wrong_mac = partial(_url, _ACCEPTED)
    for kind, named in _KINDS.items():
        yield _line(kind, derived, partial(_url, named), wrong_mac)
    yield _line("PICCData that is none", derived, wrong_mac, partial(_url_of_a_tag, derived))
    no_epochs = _verifier(*map(BoltcardKeys, _MASTERS))
    yield _line("an unknown epoch", no_epochs, partial(_url, "0201"), partial(_url, "0200"))


def _verifier(retired: KeyScheme, active: KeyScheme, accepting: KeyScheme) -> Verifier:
    versions = (
        KeyVersion(1, retired, KeyState.RETIRED),
        KeyVersion(2, active),
        KeyVersion(3, accepting, KeyState.ACCEPTING),
    )
    return Verifier(_TEMPLATE, Keyring(versions))


def _url(named: str, picc_data: bytes = b"") -> str:
    picc = (picc_data or secrets.token_bytes(16)).hex().upper()
    return f"https://id.example.com/t#k={named}&p={picc}&m={secrets.token_hex(8).upper()}"


def _url_of_a_tag(verifier: Verifier) -> str:
    plain = b"\xc7\x04" + secrets.token_bytes(14)
    return _url(_ACCEPTED, verifier.keyring.active.scheme.meta_read_key().aes.encrypt(plain))


def _line(kind: str, verifier: Verifier, ours: Source, theirs: Source) -> Line:
    found = _timed(verifier, ours, theirs)
    ratio, t = median(found[0]) / median(found[1]), _welch_t(*found)
    return Line(
        f"{kind} beside a wrong MAC, t = {t:+.1f}",
        f"{ratio:.4f} x",
        f"1 +- {_MOST} x",
        abs(ratio - 1) <= _MOST,
    )


def _timed(verifier: Verifier, *sources: Source) -> tuple[list[int], list[int]]:
    """Return the nanoseconds of each call, by source; every other pair in the other order."""
    found: tuple[list[int], list[int]] = ([], [])
    gc.disable()
    for number in range(_PAIRS):
        urls = [source() for source in sources]
        for place in (0, 1) if number % 2 else (1, 0):
            found[place].append(_refusal(verifier, urls[place]))
    gc.enable()
    return found


def _refusal(verifier: Verifier, url: str) -> int:
    start = perf_counter_ns()
    try:
        verifier.verify(url)
    except TapMacError:
        return perf_counter_ns() - start
    raise AssertionError("a bench of refusals measures nothing else")


def _welch_t(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """Compare two means, without the slowest tenth: there the machine did other things."""
    limit = quantiles([*ours, *theirs], n=10)[-1]
    one, other = [x for x in ours if x <= limit], [x for x in theirs if x <= limit]
    error = sqrt(variance(one) / len(one) + variance(other) / len(other))
    return (fmean(one) - fmean(other)) / error
