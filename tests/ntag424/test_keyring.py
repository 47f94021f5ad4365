"""A keyring holds versions that cannot be mistaken for one another, and refuses all others."""

from __future__ import annotations

import pickle

import pytest

from ntag424 import Generation, Key, Keyring, KeyState, KeyVersion
from ntag424.keys import An10922Keys, HkdfKeys, SentryEv2Keys, SentryHkdfKeys, StaticKeys

ACTIVE, ACCEPTING, RETIRED = KeyState.ACTIVE, KeyState.ACCEPTING, KeyState.RETIRED
MASTER = Key.from_hex("00112233445566778899AABBCCDDEEFF")
OTHER = Key.from_hex("0F1E2D3C4B5A69788796A5B4C3D2E1F0")


def master(number):
    return Key(bytes([number]) * 16)


def version(ordinal, state=ACCEPTING):
    return KeyVersion(ordinal, An10922Keys(master(ordinal)), state)


def keyring_of(first, second, state=ACCEPTING):
    """Put two schemes into one keyring; the second one is in *state*."""
    return Keyring([KeyVersion(1, first), KeyVersion(2, second, state)])


# ---- states and ordinals --------------------------------------------------------------------


def test_a_keyring_without_an_active_version_is_refused():
    with pytest.raises(ValueError, match="exactly one active version, not 0"):
        Keyring([version(1), version(2)])


def test_an_empty_keyring_is_refused():
    with pytest.raises(ValueError, match="exactly one active version, not 0"):
        Keyring([])


def test_a_keyring_with_two_active_versions_is_refused():
    with pytest.raises(ValueError, match="exactly one active version, not 2"):
        Keyring([version(1, ACTIVE), version(2, ACTIVE)])


def test_two_versions_of_one_ordinal_are_refused():
    with pytest.raises(ValueError, match="same ordinal"):
        Keyring([version(1, ACTIVE), KeyVersion(1, An10922Keys(OTHER), ACCEPTING)])


@pytest.mark.parametrize("ordinal", [-1, 0, 256])
def test_an_ordinal_that_no_url_can_say_is_refused(ordinal):
    with pytest.raises(ValueError, match=f"1 to 255, not {ordinal}"):
        KeyVersion(ordinal, An10922Keys(MASTER))


@pytest.mark.parametrize("ordinal", [1, 255])
def test_the_first_and_the_last_ordinal_are_taken(ordinal):
    assert KeyVersion(ordinal, An10922Keys(MASTER)).ordinal == ordinal


def test_a_version_is_active_unless_said_otherwise():
    assert KeyVersion(1, An10922Keys(MASTER)).state is ACTIVE


def test_the_active_version_is_the_one_that_was_said_to_be():
    assert Keyring([version(1), version(2, ACTIVE), version(3)]).active.ordinal == 2


def test_a_single_scheme_is_active_under_ordinal_1():
    keyring = Keyring.single(An10922Keys(MASTER))
    assert list(keyring) == [KeyVersion(1, An10922Keys(MASTER), ACTIVE)]


def test_a_single_scheme_takes_the_ordinal_it_is_given():
    assert Keyring.single(An10922Keys(MASTER), ordinal=7).active.ordinal == 7


def test_a_keyring_yields_its_versions_in_order():
    keyring = Keyring([version(3), version(1, RETIRED), version(2, ACTIVE)])
    assert [found.ordinal for found in keyring] == [1, 2, 3]


def test_a_keyring_may_be_made_of_anything_iterable():
    assert [found.ordinal for found in Keyring(iter([version(1, ACTIVE)]))] == [1]


# ---- which versions are accepted ------------------------------------------------------------


@pytest.mark.parametrize("ordinal", [1, 2])
def test_versions_that_are_not_retired_are_accepted(ordinal):
    keyring = Keyring([version(1, ACTIVE), version(2)])
    assert keyring.accepted(ordinal).ordinal == ordinal


def test_a_retired_version_is_not_accepted():
    assert Keyring([version(1, ACTIVE), version(2, RETIRED)]).accepted(2) is None


def test_a_version_the_keyring_does_not_have_is_not_accepted():
    assert Keyring([version(1, ACTIVE)]).accepted(2) is None


def test_the_active_version_is_tried_first_then_the_newer_before_the_older():
    keyring = Keyring([version(1), version(2, ACTIVE), version(3), version(4)])
    assert [found.ordinal for found in keyring.candidates] == [2, 4, 3, 1]


def test_a_retired_version_is_never_tried():
    keyring = Keyring([version(1, ACTIVE), version(2, RETIRED)])
    assert [found.ordinal for found in keyring.candidates] == [1]


def test_five_accepted_versions_are_too_many_to_try():
    keyring = Keyring([version(1, ACTIVE), *map(version, range(2, 6))])
    with pytest.raises(ValueError, match="tried with at most 4"):
        _ = keyring.candidates


def test_retired_versions_do_not_count_among_those_to_try():
    retired = [version(ordinal, RETIRED) for ordinal in range(5, 9)]
    keyring = Keyring([version(1, ACTIVE), *map(version, range(2, 5)), *retired])
    assert len(keyring.candidates) == 4


def test_a_generation_that_is_accepted_names_its_own_keys():
    keyring = keyring_of(An10922Keys(MASTER), HkdfKeys(MASTER))
    assert keyring.named(Generation(2, 7)) == (HkdfKeys(MASTER), Generation(2, 7), True)


@pytest.mark.parametrize("ordinal", [0, 2, 3, 255])
def test_the_active_version_stands_in_for_one_that_is_not_accepted(ordinal):
    keyring = keyring_of(An10922Keys(MASTER), HkdfKeys(MASTER), RETIRED)
    scheme, _, is_accepted = keyring.named(Generation(ordinal, 7))
    assert (scheme, is_accepted) == (An10922Keys(MASTER), False)


def test_a_stand_in_is_in_the_epoch_that_was_named():
    keyring = Keyring.single(An10922Keys(MASTER))
    assert keyring.named(Generation(9, 7))[1].epoch == 7


def test_an_epoch_that_the_scheme_does_not_have_is_not_accepted():
    keyring = Keyring.single(SentryEv2Keys(MASTER))
    assert keyring.named(Generation(1, 1)) == (SentryEv2Keys(MASTER), Generation(1, 0), False)


# ---- versions that yield one key ------------------------------------------------------------

SAME_KEY = "yield the same MAC key, at epochs"

TWINS = {
    "one an10922 twice": (An10922Keys(MASTER), An10922Keys(Key(bytes(MASTER)))),
    "one hkdf twice": (HkdfKeys(MASTER), HkdfKeys(MASTER)),
    "one sentry hkdf twice": (
        SentryHkdfKeys(MASTER, salt="sentry.red"),
        SentryHkdfKeys(MASTER, salt="sentry.red", info="ntag424-static-key"),
    ),
    "one sentry ev2 twice": (SentryEv2Keys(MASTER, 1), SentryEv2Keys(MASTER, 1)),
    "one file-read key with two meta-read keys": (
        StaticKeys(file_read=MASTER, meta_read=OTHER),
        StaticKeys(file_read=MASTER, meta_read=MASTER),
    ),
    "an empty salt and one of a zero": (HkdfKeys(MASTER), HkdfKeys(MASTER, salt=b"\0")),
    "a salt and the same with zeros behind": (
        HkdfKeys(MASTER, salt=b"salt"),
        HkdfKeys(MASTER, salt=b"salt\0\0"),
    ),
    "sentry's salt and the same with a zero behind": (
        SentryHkdfKeys(MASTER, salt="salt"),
        SentryHkdfKeys(MASTER, salt="salt\0"),
    ),
}
all_twins = pytest.mark.parametrize(("first", "second"), TWINS.values(), ids=TWINS)


@all_twins
def test_two_versions_of_one_key_are_refused(first, second):
    with pytest.raises(ValueError, match=SAME_KEY):
        keyring_of(first, second)


@all_twins
def test_two_versions_of_one_key_are_refused_the_other_way_round_too(first, second):
    with pytest.raises(ValueError, match=SAME_KEY):
        keyring_of(second, first)


@all_twins
def test_a_retired_version_counts_as_much_as_any(first, second):
    with pytest.raises(ValueError, match=SAME_KEY):
        keyring_of(first, second, RETIRED)


@pytest.mark.parametrize("epoch", range(1, 256))
def test_a_system_id_that_reads_like_an_epoch_is_refused(epoch):
    with pytest.raises(ValueError, match=SAME_KEY):
        keyring_of(An10922Keys(MASTER), An10922Keys(MASTER, system_id=bytes([epoch])))


def test_a_longer_system_id_that_ends_like_an_epoch_is_refused():
    with pytest.raises(ValueError, match=SAME_KEY):
        keyring_of(
            An10922Keys(MASTER, system_id=b"shop"), An10922Keys(MASTER, system_id=b"shop\x05")
        )


class EpochDeafKeys(An10922Keys):
    """A scheme of somebody else's that claims epochs and ignores them."""

    def tag_key(self, uid, key_number, epoch=0):
        return super().tag_key(uid, key_number)


def test_a_scheme_whose_epochs_share_a_key_is_refused():
    with pytest.raises(ValueError, match=SAME_KEY):
        Keyring.single(EpochDeafKeys(MASTER))


def test_the_refusal_names_both_versions():
    versions = [version(3, ACTIVE), KeyVersion(9, An10922Keys(master(3)), ACCEPTING)]
    with pytest.raises(ValueError, match="key versions 3 and 9"):
        Keyring(versions)


def test_the_refusal_of_two_versions_shows_no_key():
    with pytest.raises(ValueError, match=SAME_KEY) as refusal:
        keyring_of(StaticKeys(file_read=MASTER), StaticKeys(file_read=MASTER))
    assert bytes(MASTER).hex().upper() not in str(refusal.value).upper()


# ---- versions that do not -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (An10922Keys(MASTER), An10922Keys(OTHER)),
        (An10922Keys(MASTER), HkdfKeys(MASTER)),
        (An10922Keys(MASTER, system_id=b"a"), An10922Keys(MASTER, system_id=b"b")),
        # At no epoch does the byte 00 stand at the end, so this id reads like none.
        (An10922Keys(MASTER), An10922Keys(MASTER, system_id=b"\0")),
        (HkdfKeys(MASTER, salt=b"a"), HkdfKeys(MASTER, salt=b"b")),
        (SentryEv2Keys(MASTER), SentryEv2Keys(MASTER, 0)),
        (SentryEv2Keys(MASTER), SentryHkdfKeys(MASTER, salt="")),
        (SentryHkdfKeys(MASTER, salt="a"), SentryHkdfKeys(MASTER, salt="a", info="b")),
        (StaticKeys(file_read=MASTER), StaticKeys(file_read=OTHER)),
    ],
)
def test_versions_of_different_keys_go_into_one_keyring(first, second):
    assert len(list(keyring_of(first, second))) == 2


@pytest.mark.parametrize("state", [ACCEPTING, RETIRED])
@pytest.mark.parametrize(
    "derived",
    [
        An10922Keys(OTHER),
        HkdfKeys(OTHER),
        SentryHkdfKeys(OTHER, salt="sentry.red"),
        SentryEv2Keys(OTHER),
    ],
    ids=lambda scheme: type(scheme).__name__,
)
def test_static_and_derived_keys_do_not_go_into_one_keyring(derived, state):
    with pytest.raises(ValueError, match="static keys and derived keys"):
        keyring_of(StaticKeys(file_read=MASTER), derived, state)


# ---- secrets --------------------------------------------------------------------------------


def shown(key):
    return {bytes(key).hex().upper(), repr(bytes(key)).upper()}


@pytest.mark.parametrize("show", [repr, str, "{}".format], ids=range(3))
def test_neither_keyring_nor_version_shows_a_key(show):
    keyring = Keyring.single(An10922Keys(MASTER))
    text = (show(keyring) + show(keyring.active)).upper()
    assert [trace for trace in shown(MASTER) if trace in text] == []


def test_a_keyring_that_went_through_a_pickle_has_the_same_versions():
    keyring = keyring_of(An10922Keys(MASTER), HkdfKeys(MASTER), RETIRED)
    assert list(pickle.loads(pickle.dumps(keyring))) == list(keyring)
