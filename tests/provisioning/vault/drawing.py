"""Master keys of every kind, at random."""

from __future__ import annotations

from hypothesis import strategies as st
from ntag424_provisioning.vault import MasterKeys, StoredVersion

from ntag424 import Key, KeyState
from ntag424.keys import (
    An10922Keys,
    BoltcardKeys,
    HkdfKeys,
    SdmBackendKeys,
    SdmBackendLegacyKeys,
    SentryEv2Keys,
    SentryHkdfKeys,
)

_KEYS = st.binary(min_size=16, max_size=16).filter(any).map(Key)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCHEMES = st.one_of(
    st.builds(An10922Keys, _KEYS, system_id=st.binary(max_size=15)),
    st.builds(HkdfKeys, _KEYS, salt=st.binary(max_size=40)),
    st.builds(SentryHkdfKeys, _KEYS, salt=_TEXTS, info=_TEXTS),
    st.builds(SentryEv2Keys, _KEYS, st.none() | st.integers(0, 255)),
    st.builds(BoltcardKeys, _KEYS, st.integers(0, 0xFFFFFFFF)),
    st.builds(SdmBackendKeys, _KEYS | st.binary(min_size=17, max_size=40).filter(any)),
    st.builds(SdmBackendLegacyKeys, _KEYS | st.binary(min_size=17, max_size=40).filter(any)),
)
MASTERS = st.builds(MasterKeys, SCHEMES)


@st.composite
def versions(draw, most=2):
    """Give versions as a sheet may hold them; whether they go together is not looked at."""
    ordinals = draw(st.lists(st.integers(1, 255), min_size=1, max_size=most, unique=True))
    days = st.integers(0, 40_000).map(lambda day: day * 86_400)
    return tuple(
        StoredVersion(n, draw(st.sampled_from(KeyState)), draw(MASTERS), draw(days), True)
        for n in ordinals
    )
