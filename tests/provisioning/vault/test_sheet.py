"""A recovery sheet gives every key back, and every typing error away."""

from __future__ import annotations

import re
import string
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from ntag424_provisioning.errors import RefusedError, SetupError
from ntag424_provisioning.vault import MasterKeys, Sheet, svg_qr, terminal_qr

from ntag424 import Key, KeyState
from ntag424.keys import An10922Keys, SentryHkdfKeys
from tests.provisioning.vault.drawing import versions
from tests.provisioning.vault.furniture import Place, master, stored

VAULT_ID = "0123456789ABCDEF" * 2
NOW = 1_800_000_000
SHEETS = st.builds(Sheet, st.just(VAULT_ID), versions())
few = settings(max_examples=settings.default.max_examples // 3)
TWO = Sheet(
    VAULT_ID,
    (
        stored(1, MasterKeys(An10922Keys(Key(bytes(range(16))), system_id=b"\xab\xcd"))),
        stored(2, MasterKeys(SentryHkdfKeys(Key(bytes(range(16, 32))), salt="", info="a" * 20))),
    ),
)


def day_only(sheet):
    """Forget the time of day: a sheet tells days."""
    cut = [replace(v, created_at=v.created_at // 86_400 * 86_400) for v in sheet.versions]
    return replace(sheet, versions=tuple(cut))


# ---- there and back -------------------------------------------------------------------------


@few
@given(SHEETS)
def test_a_sheet_is_read_back_as_it_was_printed(sheet):
    assert Sheet.read(sheet.text(NOW)) == sheet


@few
@given(SHEETS)
def test_a_qr_code_is_read_back_as_it_was_drawn(sheet):
    assert Sheet.read(sheet.qr_text()) == sheet


@few
@given(SHEETS)
def test_a_qr_code_keeps_to_the_alphabet_of_short_codes(sheet):
    assert set(sheet.qr_text()) <= set(string.digits + string.ascii_uppercase + " $%*+-./:")


@few
@given(SHEETS, st.sampled_from([" ", "   ", "\t", "\xa0"]), st.sampled_from(["\n", "\r\n\n"]))
def test_a_sheet_may_be_typed_in_any_case_with_any_spaces_and_without_remarks(sheet, space, end):
    lines = [line for line in sheet.text(NOW).splitlines() if not line.startswith("*")]
    assert (
        Sheet.read(end.join(space + line.swapcase().replace(" ", space) for line in lines))
        == sheet
    )


def test_groups_of_digits_may_be_typed_together():
    text = re.sub(r"(?<= [0-9A-F]{4}) (?=[0-9A-F]{4}\b)", "", TWO.text(NOW))
    assert Sheet.read(text) == day_only(TWO)


def test_a_sheet_says_what_it_is_for_people():
    text = TWO.text(NOW)
    assert "printed 2027-01-15" in text
    assert f"check code once: {TWO.check_code}\n" in text
    assert "1 MASTER-KEY 1 0001 0203 0405 0607 0809 0A0B 0C0D 0E0F  " in text
    assert max(map(len, text.splitlines())) <= 92


def test_a_sheet_can_be_printed_anywhere():
    assert TWO.text(NOW).isascii()


# ---- typing errors --------------------------------------------------------------------------

TYPED = TWO.text(NOW)
_CHARACTERS = st.sampled_from(string.ascii_letters + string.digits + " -*/\n.é")


@st.composite
def typing_errors(draw):
    """Give a text with one error in it, and the line where it is."""
    place = draw(st.integers(0, len(TYPED) - 2))
    kind = draw(st.sampled_from(["other", "more", "less", "exchanged"]))
    before, here, after = TYPED[:place], TYPED[place], TYPED[place + 1 :]
    wrong = {
        "other": lambda: before + draw(_CHARACTERS) + after,
        "more": lambda: before + draw(_CHARACTERS) + here + after,
        "less": lambda: before + after,
        "exchanged": lambda: before + after[0] + here + after[1:],
    }[kind]()
    return wrong, before.count("\n") + 1


def read(text):
    """Read a sheet, or what is said against it."""
    try:
        return Sheet.read(text)
    except SetupError as refused:
        return str(refused)


@given(typing_errors())
def test_one_typing_error_changes_nothing_or_is_found_where_it_is(error):
    typed, line = error
    found = read(typed)
    if isinstance(found, Sheet):
        assert found == day_only(TWO)
    elif located := re.match(r"line (\d+) of the sheet", found):
        assert int(located[1]) in (line, line + 1)
    else:  # it made a remark of the line, which is then missing
        assert re.search("first line|has no proof|incomplete|are here", found)
        assert "*" in typed.splitlines()[line - 1].split()[:1]


@given(st.data())
def test_every_wrong_digit_is_found_where_it_is(data):
    lines = TYPED.splitlines()
    number = data.draw(st.sampled_from([n for n, line in enumerate(lines) if line[:1] in "SV12"]))
    line = lines[number]
    assume(line)
    place = data.draw(st.sampled_from([n for n, c in enumerate(line) if c in string.hexdigits]))
    digit = data.draw(st.sampled_from([c for c in "0123456789ABCDEF" if c != line[place]]))
    lines[number] = line[:place] + digit + line[place + 1 :]
    with pytest.raises(SetupError, match=f"line {number + 1} of the sheet"):
        Sheet.read("\n".join(lines))


@pytest.mark.parametrize("gone", range(9, 19))
def test_a_line_that_was_left_out_is_missed(gone):
    lines = TYPED.splitlines()
    del lines[gone]
    with pytest.raises(SetupError) as refused:
        Sheet.read("\n".join(lines))
    assert refused.value.hint


def test_a_version_that_was_left_out_is_missed():
    lines = [line for line in TYPED.splitlines() if not line.startswith(("2 ", "VERSION 2"))]
    with pytest.raises(SetupError, match="2 key versions, and 1 are here"):
        Sheet.read("\n".join(lines))


@pytest.mark.parametrize("again", range(9, 19))
def test_a_line_that_was_typed_twice_changes_nothing_or_is_found(again):
    lines = TYPED.splitlines()
    lines.insert(again, lines[again])
    found = read("\n".join(lines))
    assert found == day_only(TWO) or f"line {again + 2} " in found


def test_keys_that_do_not_fit_their_proof_are_refused():
    """Every line is right, but two are of another sheet."""
    other = Sheet(VAULT_ID, (stored(1, master(9, system_id=b"\xab\xcd")), TWO.versions[1]))
    lines, others = TYPED.splitlines(), other.text(NOW).splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("1 MASTER-KEY"))
    lines[place] = others[place]
    with pytest.raises(SetupError, match="do not fit their proof"):
        Sheet.read("\n".join(lines))


@given(st.text())
@example("SHEET 1")
@example("*")
@example("/")
@example("SHEET \udcff 0000")
def test_any_other_text_is_no_sheet(text):
    with pytest.raises(SetupError):
        Sheet.read(text)


def test_no_error_quotes_the_sheet():
    for line in range(9, 19):
        lines = TYPED.splitlines()
        lines[line] = lines[line][:-1] + "Z"
        with pytest.raises(SetupError) as refused:
            Sheet.read("\n".join(lines))
        assert not re.search("0[0-9A-F]0[0-9A-F]", f"{refused.value} {refused.value.hint}")


# ---- QR codes -------------------------------------------------------------------------------


def test_a_qr_code_is_drawn_for_a_terminal():
    lines = terminal_qr(TWO).splitlines()
    assert (len({len(line) for line in lines}), set("".join(lines))) == (1, set("█▀▄ "))


def test_a_qr_code_is_drawn_as_an_image():
    assert re.match(r"<\?xml .*<svg .*</svg>\s*\Z", svg_qr(TWO), re.DOTALL)


def test_too_many_keys_for_one_qr_code_are_told():
    sheet = Sheet(VAULT_ID, tuple(stored(n, master(n)) for n in range(1, 40)))
    with pytest.raises(SetupError, match="too many"):
        svg_qr(sheet)


# ---- into a vault ---------------------------------------------------------------------------


def test_a_new_vault_is_made_of_a_sheet(place, tmp_path):
    with place.open() as vault:
        vault.rotate(master(2))
        sheet = Sheet.read(Sheet(vault.vault_id, vault.versions()).text(NOW))
    (tmp_path / "new").mkdir()
    with Place(tmp_path / "new").made(*sheet.versions).open() as vault:
        assert [(v.ordinal, v.state, v.keys) for v in vault.versions()] == [
            (1, KeyState.ACCEPTING, master(1)),
            (2, KeyState.ACTIVE, master(2)),
        ]
        assert vault.backup_is_confirmed


def test_versions_that_are_missing_are_added_and_the_others_left_alone(vault):
    on_sheet = (stored(1, master(1), KeyState.RETIRED), stored(2, master(2), KeyState.ACTIVE))
    vault.restore(on_sheet)
    assert [(v.ordinal, v.state) for v in vault.versions()] == [
        (1, KeyState.ACTIVE),
        (2, KeyState.ACCEPTING),
    ]


def test_a_retired_version_is_restored_as_one(vault):
    (_, restored) = vault.restore((stored(2, master(2), KeyState.RETIRED),))
    assert restored.state is KeyState.RETIRED


def test_a_version_with_other_keys_is_never_overwritten(vault):
    before = vault.versions()
    on_sheet = (stored(1, master(7), KeyState.ACTIVE), stored(2, master(2)))
    with pytest.raises(RefusedError, match="key version 1 of the vault has other keys"):
        vault.restore(on_sheet)
    assert vault.versions() == before


def test_restoring_twice_changes_nothing_more(vault):
    on_sheet = (stored(2, master(2)),)
    assert vault.restore(on_sheet) == vault.restore(on_sheet)


def test_whoever_restores_what_is_there_has_a_backup_of_it(vault):
    made = vault.rotate(master(2))
    vault.restore((replace(made, is_backed_up=True),))
    assert vault.backup_is_confirmed


# ---- confirming -----------------------------------------------------------------------------


def test_the_check_code_of_the_sheet_confirms_the_backup(vault):
    vault.rotate(master(2))
    vault.confirm_backup(Sheet(vault.vault_id, vault.versions()).check_code)
    assert vault.backup_is_confirmed


def test_an_older_sheet_does_not_confirm_the_backup(vault):
    code = Sheet(vault.vault_id, vault.versions()).check_code
    vault.rotate(master(2))
    with pytest.raises(RefusedError, match="not the check code"):
        vault.confirm_backup(code)
    assert not vault.backup_is_confirmed


def test_fingerprints_do_not_tell_the_check_code(vault):
    code = Sheet(vault.vault_id, vault.versions()).check_code.replace("-", "")
    told = "".join(version.fingerprint for version in vault.versions()) + vault.vault_id
    assert not {code[n : n + 4] for n in range(5)} & {told[n : n + 4] for n in range(len(told))}
