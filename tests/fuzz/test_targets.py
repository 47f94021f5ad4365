"""The short form of `make fuzz`: edited input is refused by its own error, and quickly."""

from __future__ import annotations

import gc
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.targets import TARGETS, SlowInputError, Target

each_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)

BYTES = st.binary(max_size=4) | st.sampled_from([b"%", b"{", b"}", b"&", b"#", b"\n", b"\xff"])
EDITS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 20), BYTES), min_size=1, max_size=4)


def edited(data, edits):
    """Replace, for each edit, a few bytes somewhere by a few others."""
    for place, length, others in edits:
        start = min(place, len(data))
        data = data[:start] + others + data[start + length :]
    return data


@each_target
def test_every_seed_is_taken(target):
    for seed in target.seeds:
        target.run(seed)


@each_target
@given(data=st.data())
def test_edited_seeds_raise_nothing_unexpected(target, data):
    seed = data.draw(st.sampled_from(target.seeds))
    target.run(edited(seed, data.draw(EDITS)))


@each_target
@given(data=st.binary(max_size=300))
def test_any_bytes_raise_nothing_unexpected(target, data):
    target.run(data)


def some_inputs(target, count):
    random = Random(424)
    for _ in range(count):
        place, length = random.randrange(300), random.randrange(20)
        others = random.randbytes(random.randrange(4))
        yield edited(random.choice(target.seeds), [(place, length, others)])


@each_target
def test_no_reader_keeps_anything_of_what_it_read(target):
    inputs = list(some_inputs(target, 300))

    def blocks_after_reading():
        for data in inputs:
            target.read(data)
        gc.collect()
        return sys.getallocatedblocks()

    blocks_after_reading()
    before = blocks_after_reading()
    after = [blocks_after_reading() for _ in range(4)][-1]
    # Caches breathe by a few dozen; a reader that keeps of each input keeps a block at least.
    assert after - before < len(inputs)


def test_a_reader_that_is_slow_every_time_is_reported():
    def spin(data):
        for _ in range(5_000_000):
            pass

    with pytest.raises(SlowInputError, match="ms for b'x'"):
        Target(spin, ()).run(b"x")


def test_a_reader_that_was_slow_once_is_not_reported():
    delays = [100_000]

    def spin_once(data):
        for _ in range(delays.pop() if delays else 0):
            pass

    Target(spin_once, ()).run(b"x")
