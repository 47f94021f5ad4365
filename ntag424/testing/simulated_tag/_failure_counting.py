"""Failed authentications: what they cost, and when they lock a key (NT4H2421Gx §8.2.5).

NXP does not publish the delay that SeqFailCtr stands for. This tag's is linear: nothing up
to 49 failures in a row, then 25 ms for each failure from the 50th on, up to 5.15 s at 255.
A chip would wait; this tag never sleeps but answers 91AD, and takes each such answer for
25 ms. So with n failures in a row, n - 49 repetitions of part 1 are refused before one passes.
"""

from __future__ import annotations

from dataclasses import replace

from ntag424.apdu import Status
from ntag424.testing.simulated_tag._card import Card
from ntag424.testing.simulated_tag._memory import Failures
from ntag424.testing.simulated_tag._refusal import RefusedError

#: What one answer 91AD takes, in milliseconds: about 65 % of FWT.
_WAITED_PER_ANSWER = 25
_FREE_FAILURES = 49
_MOST_IN_A_ROW, _MOST_IN_TOTAL = 0xFF, 0xFFFF


def delay_after(failures: int) -> int:
    """Tell how long part 1 is delayed after so many *failures* in a row, in milliseconds."""
    return max(failures - _FREE_FAILURES, 0) * _WAITED_PER_ANSWER


def admit(card: Card, key_number: int) -> None:
    """Count an authentication as failed when it begins, so that breaking it off gains nothing.

    Raises:
        RefusedError: the key is locked, or its delay is not over.
    """
    rule = card.memory.failure_rule
    failures = card.key(key_number).failures
    if not rule.counted:
        return
    if failures.total >= rule.limit:
        raise RefusedError(Status.PERMISSION_DENIED)
    if failures.waited < delay_after(failures.in_a_row):
        _store(card, key_number, replace(failures, waited=failures.waited + _WAITED_PER_ANSWER))
        raise RefusedError(Status.AUTHENTICATION_DELAY)
    total = min(failures.total + 1, _MOST_IN_TOTAL)
    in_a_row = min(failures.in_a_row + 1, _MOST_IN_A_ROW)
    _store(card, key_number, Failures(total, in_a_row))


def forgive(card: Card, key_number: int) -> None:
    """Take an authentication that succeeded, and as many failures as the rule says, back."""
    rule = card.memory.failure_rule
    if rule.counted:
        total = card.key(key_number).failures.total
        _store(card, key_number, Failures(max(total - rule.decrement, 0)))


def _store(card: Card, key_number: int, failures: Failures) -> None:
    key = replace(card.key(key_number), failures=failures)
    card.memory = card.memory.with_key(key_number, key)
