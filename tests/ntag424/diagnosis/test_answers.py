"""What an answer promises: no false alarm, no false explanation, no exception, an end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntag424 import Generation, Key, Keyring, Mode, UrlTemplate, Verifier
from ntag424.diagnosis import Explanation, Problem, explain
from ntag424.diagnosis.tap.readings import Budget
from ntag424.keys import An10922Keys, HkdfKeys
from ntag424.model import EncryptedMirror
from ntag424.testing import tap_source
from tests.ntag424.diagnosis.planting import (
    AN10922,
    ENCRYPTED,
    HKDF,
    MASTER,
    NAMED,
    OTHER,
    PLAIN,
    STATIC,
    TEMPLATES,
    UID,
    UNSTATED,
    WINDOWED,
    Tag,
    rotated,
    verifier,
)

STRANGERS = An10922Keys(Key(b"another fleet's."))
CANDIDATES = [verifier(WINDOWED, HKDF), verifier(), verifier(PLAIN, HkdfKeys(OTHER)), rotated()]
#: What may be said of a URL without knowing its key.
HARMLESS = {
    Problem.NO_MATCH,
    Problem.TEXT_DIFFERS,
    Problem.FIELD_LENGTH,
    Problem.TRUNCATED,
    Problem.APPENDED,
    Problem.PARAMETERS_RENAMED,
    Problem.PARAMETERS_REORDERED,
    Problem.SURROUNDED,
}

each_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
each_mode = pytest.mark.parametrize("mode", Mode)


def a_share_of_examples(divisor):
    """Try fewer examples than the profile says, where each one is thousands of MACs."""
    return settings(max_examples=settings().max_examples // divisor)


def tapped(template, scheme, mode=Mode.AES, generation=UNSTATED):
    return tap_source(template, scheme, UID, mode=mode, generation=generation).tap()


# ---- a URL that works -----------------------------------------------------------------------


@each_mode
@each_template
def test_a_url_that_works_verifies_without_findings(template, mode):
    url = tapped(template, AN10922, mode, Generation(1))
    explanation = explain(url, [verifier(template, mode=mode)])
    assert (explanation.verifies, explanation.findings) == (True, ())


@each_mode
@each_template
def test_the_evidence_for_a_url_that_works_is_the_layout_of_its_template(template, mode):
    url = tapped(template, AN10922, mode, Generation(1))
    evidence = explain(url, [verifier(template, mode=mode)]).evidence
    assert (evidence.sdm, evidence.mode) == (template.layout(mode=mode).sdm, mode)


def test_the_evidence_names_the_generation_of_a_url_that_works():
    url = tapped(NAMED, AN10922, generation=Generation(2, 7))
    evidence = explain(url, [rotated()]).evidence
    assert (evidence.key_version, evidence.epoch) == (2, 7)


def test_one_candidate_that_accepts_the_url_is_enough():
    explanation = explain(tapped(ENCRYPTED, AN10922), CANDIDATES)
    assert (explanation.verifies, explanation.evidence.candidate) == (True, 1)


def test_candidates_may_come_from_an_iterator():
    assert explain(tapped(ENCRYPTED, AN10922), iter(CANDIDATES)).verifies


# ---- several candidates ---------------------------------------------------------------------


def test_the_candidate_whose_template_and_keys_agree_goes_before_one_with_the_keys_only():
    url = Tag(mac_input_by=-2).url()
    assert explain(url, CANDIDATES).evidence.candidate == 1


def test_the_candidate_whose_host_it_is_goes_first_where_keys_are_shared():
    other_host = UrlTemplate(ENCRYPTED.text.replace("id.example.com", "id.example.org"))
    url = Tag(mac_input_by=-2).url()
    explanation = explain(url, [verifier(other_host), verifier()])
    assert [finding.problem for finding in explanation.findings] == [Problem.MAC_WINDOW_EARLY]


def test_without_candidates_nothing_matches():
    explanation = explain(tapped(ENCRYPTED, AN10922), [])
    assert [finding.problem for finding in explanation.findings] == [Problem.NO_MATCH]


# ---- a stranger's tag -----------------------------------------------------------------------


@each_template
def test_no_key_is_named_for_a_tag_of_a_stranger(template):
    explanation = explain(tapped(template, STRANGERS), CANDIDATES[:3])
    assert {finding.problem for finding in explanation.findings} <= HARMLESS


@each_template
def test_no_mac_of_a_stranger_is_found_to_hold(template):
    assert explain(tapped(template, STRANGERS), CANDIDATES[:3]).evidence is None


@a_share_of_examples(5)
@given(st.lists(st.binary(min_size=15, max_size=15).map(b"r".__add__), min_size=5, max_size=5))
def test_no_keys_at_random_are_taken_for_known_ones(keys):
    assert explain(replace(Tag(), keys=keys).url(), [verifier()]).evidence is None


@pytest.mark.parametrize(
    "plain",
    [
        "C705DE5F1EACC040070000",
        "C704DE5F1EACC040000000",
        "C704DE5F1EACC040FFFFFF",
        "8704DE5F1EACC040",
    ],
    ids=["a UID that is not of NXP", "counter 0", "a counter out of use", "no counter"],
)
def test_picc_data_that_a_chip_hardly_sends_does_not_count_as_opened(plain):
    picc = AN10922.meta_read_key().aes.encrypt(bytes.fromhex(plain).ljust(16, b"\xa5"))
    url = f"https://id.example.com/t?p={picc.hex().upper()}&m=0123456789ABCDEF"
    findings = explain(url, [verifier()]).findings
    assert [finding.problem for finding in findings] == [Problem.NO_MATCH]


def test_five_characters_that_are_left_of_a_mac_prove_nothing():
    assert explain(Tag().url()[:-11], [verifier()]).evidence is None


# ---- what is known without a MAC -------------------------------------------------------------

FACTORY = replace(Tag(), keys=[bytes(16)] * 5)


@pytest.mark.parametrize(
    "edit",
    [
        lambda url: url[:-16],
        lambda url: url.replace("/t?", "/other/path?")[:-8] + "!",
        lambda url: "https://evil.example.com/?x=" + url[27:59],
    ],
    ids=["the MAC is missing", "another path", "another form"],
)
def test_picc_data_that_opens_is_named_where_the_url_does_not_fit(edit):
    identity = explain(edit(FACTORY.url()), [verifier()]).identity
    assert (identity.uid, identity.read_counter, identity.key_version) == (UID, 7, None)


def test_the_key_version_that_opens_picc_data_is_named():
    identity = explain(Tag().url()[:-16], [verifier()]).identity
    assert (identity.keyring, identity.key_version) == (0, 1)


def test_where_picc_data_stands_in_the_file_is_named():
    identity = explain("https://id.example.com/tap/here?p=" + GOOD[27:59], [verifier()]).identity
    assert identity.mirror == EncryptedMirror(33)


def test_where_a_url_ceases_to_be_the_template_s_is_an_offset_in_the_file():
    (finding,) = explain(GOOD[:27] + "!" + GOOD[28:-4] + "0000", [verifier()]).findings
    assert finding.text.startswith("From offset 26 of the file on the URL is not the template's")


def test_uid_and_counter_in_the_clear_are_named_as_unconfirmed():
    url = replace(Tag(), template=PLAIN).url()[:-16]
    assert str(explain(url, [verifier(PLAIN)]).identity) == (
        "Seen: UID 04DE5F1EACC040, read counter 7 (UID at 26, counter at 43 of the file); "
        "nothing confirms them."
    )


def test_no_tag_is_named_where_nothing_opens():
    assert explain(tapped(ENCRYPTED, STRANGERS), [verifier()]).identity is None


def test_case_is_not_named_where_a_mirror_was_written_over_single_letters():
    # PICCData five characters early, and under an unknown key: its F is taken for an f.
    template = UrlTemplate("https://id.example.com/cafe?p={picc}&m={mac}")
    picc = "F" + "0123456789ABCDEF" * 2
    url = f"https://id.example.com/ca{picc[:32]}00000&m=0123456789ABCDEF"
    problems = [finding.problem for finding in explain(url, [verifier(template)]).findings]
    assert problems == [Problem.TEXT_DIFFERS]


# ---- any string -----------------------------------------------------------------------------

_SCRAPS = ["https://", "http://id.example.com", "/t?p=", "&m=", "04DE5F1EACC040", "%3", "&amp;"]
_SCRAPS += ["%FF", "{mac}", "\ud800", "\u00df", "\u0130", "#", "?", "\0", "=", "E1DE370D79AEBA63"]
_TEXTS = st.text() | st.lists(st.sampled_from(_SCRAPS) | st.text(max_size=3)).map("".join)
_FLEET = [
    verifier(),
    verifier(PLAIN, mode=Mode.LRP),
    verifier(WINDOWED, STATIC),
    rotated(),
    Verifier(UrlTemplate("https://a/{uid}{mac}"), Keyring.single(HKDF)),
]


@a_share_of_examples(2)
@given(_TEXTS)
def test_no_string_raises(text):
    assert isinstance(str(explain(text, _FLEET)), str)


@st.composite
def edited(draw):
    """Give the URL of a good tag with something put in the place of some of its characters."""
    url = GOOD
    start = draw(st.integers(0, len(url)))
    stop = draw(st.integers(start, min(len(url), start + 4)))
    return url[:start] + draw(_TEXTS) + url[stop:]


GOOD = Tag().url()
SHIFTED = Tag(mac_by=8, mac_input_by=8, identity_by=8).url()


@pytest.mark.parametrize("beginning", ["xttps:/", "http://", "https:\\"])
def test_a_url_that_one_mistake_foretells_but_for_its_scheme_has_an_answer(beginning):
    assert explain(beginning.ljust(8, "/") + SHIFTED[8:], [verifier()]).findings


@a_share_of_examples(3)
@given(edited())
def test_there_is_a_finding_if_and_only_if_the_url_does_not_verify(text):
    explanation = explain(text, [verifier()])
    assert bool(explanation.findings) is not explanation.verifies


@pytest.mark.parametrize(
    "text",
    [
        "%" * 100_000,
        "https://" * 20_000,
        GOOD * 1_000,
        "&" * 100_000,
        "?p=" * 50_000,
        "=0" * 50_000,
    ],
    ids=["percents", "schemes", "itself", "ampersands", "parameters", "equals"],
)
def test_a_long_string_has_an_answer_too(text):
    assert not explain(text, [verifier()]).verifies


@pytest.mark.parametrize("count", [200, 300, 1000])
def test_a_field_that_reaches_beyond_the_file_of_a_tag_has_an_answer(count):
    template = UrlTemplate("https://id.example.com/t#k={kv}{epoch}&p={picc}&m={mac}")
    text = f"https://id.example.com/t#k={'9' * count}&p={'0' * 32}&m={'0' * 16}"
    assert explain(text, [Verifier(template, Keyring.single(HKDF))]).findings


# ---- the bound ------------------------------------------------------------------------------


def test_a_search_that_was_cut_short_says_so():
    # Every place of it might be PICCData, a UID, a counter or a MAC.
    explanation = explain(
        "https://id.example.com/" + "04C7A1B2" * 28, [verifier(PLAIN, mode=Mode.LRP)]
    )
    assert not explanation.complete


def test_a_search_that_came_to_its_end_is_complete():
    assert explain(tapped(ENCRYPTED, STRANGERS), [verifier()]).complete


def test_a_budget_pays_until_nothing_is_left():
    budget = Budget(aes=40, lrp=0)
    assert [budget.session(Mode.AES) for _ in range(3)] == [True, True, False]


def test_a_budget_that_paid_everything_is_not_overdrawn():
    budget = Budget(aes=32, lrp=0)
    assert (budget.session(Mode.AES), budget.session(Mode.AES), budget.overdrawn) == (
        True,
        True,
        False,
    )


def test_a_budget_that_refused_something_is_overdrawn():
    budget = Budget(aes=0, lrp=0)
    budget.mac(Mode.LRP, 0)
    assert budget.overdrawn


def test_one_mode_does_not_use_up_the_budget_of_the_other():
    budget = Budget(aes=0, lrp=10_000)
    budget.mac(Mode.AES, 0)
    assert budget.mac(Mode.LRP, 100)


@pytest.mark.parametrize(("mode", "session"), [(Mode.AES, 16), (Mode.LRP, 1100)])
def test_what_may_be_computed_is_estimated_at_less_than_two_seconds(mode, session):
    budget, count = Budget(), 0
    while budget.session(mode):
        count += 1
    assert count * session < 2_000_000


# ---- the text -------------------------------------------------------------------------------


def test_the_text_has_every_finding_with_its_hint():
    explanation = explain(Tag(mac_input_by=-2).url().lower(), [verifier()])
    listed = [line for line in str(explanation).splitlines() if line.startswith("- ")]
    assert listed == [f"- {finding.text} {finding.hint}" for finding in explanation.findings]


def test_the_text_says_that_a_url_verifies():
    assert str(explain(GOOD, [verifier()])).startswith("The URL verifies.\nKey: key version 1")


def test_the_text_says_that_a_search_was_cut_short():
    assert "cut short" in str(Explanation(verifies=False, complete=False))


@pytest.mark.parametrize("problem", Problem)
def test_every_hint_is_one_sentence(problem):
    assert problem.value.endswith(".")


def test_the_answer_does_not_repeat_the_url():
    url = "https://evil.example.com/\x1b[31m" + GOOD[23:]
    assert "\x1b" not in str(explain(url, [verifier()]))


def test_the_master_of_the_tag_is_known_by_its_key_version():
    explanation = explain(Tag(keys=[bytes(MASTER)] * 5).url(), [verifier()])
    assert "master key of key version 1" in explanation.findings[0].text
