"""Attack: a key stands where a name belongs, so whatever repeats names repeats the key.

A slip of a few characters puts a key before the `=` instead of behind it, and the message that
says so ends up in a log or in a ticket.
"""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntag424_provisioning.errors import ProvisioningError
from ntag424_provisioning.vault import read_keys
from ntag424_service.errors import SettingsError
from ntag424_service.storage.keyring_file import read_keyring

from tests.provisioning.cli.running import run

SECRET = "00112233445566778899AABBCCDDEEFF"
GOOD = f'ordinal = 1\nscheme = "an10922"\nmaster_key = "{"A5" * 16}"\n'
#: Where a key may slip to.
FILES = {
    "at the top": f'"{SECRET}" = 1\n[[version]]\n{GOOD}',
    "bare": f"{SECRET} = 1\n[[version]]\n{GOOD}",
    "in a version": f'[[version]]\n{GOOD}"{SECRET}" = 1\n',
    "first in a version": f'[[version]]\n"{SECRET}" = 1\n{GOOD}',
    "dotted": f'[[version]]\n{GOOD}a."{SECRET}".b = 1\n',
    "dotted behind a known name": f'[[version]]\n{GOOD}state."{SECRET}" = 1\n',
    "below a known name": f'[[version]]\n{GOOD}[version."{SECRET}"]\n',
    "as a table": f'[[version]]\n{GOOD}["{SECRET}"]\na = 1\n',
    "as an array of tables": f'[[version]]\n{GOOD}[["{SECRET}"]]\n',
    "inline": f'[[version]]\n{GOOD}system_id = {{ "{SECRET}" = 1 }}\n',
    "inline version": f'version = [{{ "{SECRET}" = 1 }}]\n',
    "version as a table": f'[version]\n"{SECRET}" = 1\n',
    "twice": f'[[version]]\n{GOOD}"{SECRET}" = 1\n"{SECRET}" = 2\n',
    "as a scheme": f'[[version]]\nordinal = 1\nscheme = "{SECRET}"\nmaster_key = "{SECRET}"\n',
    "as a state": f'[[version]]\n{GOOD}state = "{SECRET}"\n',
    "as an ordinal": f'[[version]]\nordinal = 0x{SECRET}\nscheme = "an10922"\n'
    f'master_key = "{SECRET}"\n',
    "as a text": f'[[version]]\n{GOOD}\n"{SECRET}"\n',
    "not closed": f'[[version]]\n{GOOD}system_id = "{SECRET}\n',
}


def heard_from_service(text):
    with pytest.raises(SettingsError) as refused:
        read_keyring("NTAG424_KEYRING_FILE", text, allow_zero_keys=False)
    return f"{refused.value} {refused.value.hint}"


def assert_untold(secret, said):
    """Look for it as it stands there, and as a number."""
    lower = said.lower()
    assert secret.lower() not in lower
    if re.fullmatch("[0-9A-Fa-f]+", secret):
        assert str(int(secret, 16)) not in lower


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_service_repeats_no_key_from_the_place_of_a_name(text):
    assert_untold(SECRET, heard_from_service(text))


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_command_line_repeats_no_key_from_the_place_of_a_name(text, tmp_path):
    file = tmp_path / "keyring.toml"
    file.write_text(text)
    arguments = (
        "keys",
        "restore",
        file,
        "--vault",
        tmp_path / "v.db",
        "--key-file",
        tmp_path / "k",
    )
    for done in (run(*arguments), run("--debug", *arguments)):
        assert done.code == 2
        assert_untold(SECRET, done.out + done.err)


def test_a_name_that_the_format_knows_is_repeated():
    said = heard_from_service(f"[[version]]\n{GOOD}".replace("A5", "0x"))
    assert "version.0.an10922.master_key: " in said


def test_a_name_that_the_format_does_not_know_is_said_to_be_there():
    said = heard_from_service(FILES["in a version"])
    assert "version.0.an10922: there is an unknown member" in said


# ---- at random ------------------------------------------------------------------------------

# Neither its digits nor the number they make stand in a sentence by chance.
BYTES = st.binary(min_size=16, max_size=32).filter(lambda octets: len(set(octets[:8])) > 4)
SECRETS = st.one_of(
    BYTES.map(bytes.hex),
    BYTES.map(lambda octets: octets.hex().upper()),
    BYTES.map(lambda octets: base64.b64encode(octets).decode()),
    BYTES.map(lambda octets: base64.urlsafe_b64encode(octets).decode().strip("=")),
)
#: What a slip makes of a line; the key stands where the $ is.
SLIPS = st.sampled_from(
    [
        '"$" = 1',
        '"$" = "$"',
        '$ = "$"',
        'a."$" = 1',
        '"$".a = 1',
        'state."$" = 1',
        'system_id = "$"',
        'system_id = { "$" = 1 }',
        'salt = ["$", { "$" = "$" }]',
        'state = "$"',
        'key_version = "$"',
        '["$"]',
        '[["$"]]',
        '[version."$"]',
        '[[version."$"]]',
        "$",
        '"$',
    ]
)
BEGINNINGS = st.sampled_from(
    [
        [],
        ["[[version]]", *GOOD.splitlines()],
        ["[[version]]", "ordinal = 1", 'scheme = "static"', f'file_read = "{"A5" * 16}"'],
        ["[[version]]", "ordinal = 1", 'scheme = "sentry-ev2"', 'master_key = "$"'],
        ["[[version]]", "ordinal = 1", 'scheme = "$"', 'master_key = "$"'],
    ]
)


@st.composite
def files(draw):
    """Give a file that would do, but for a slip or two anywhere in it."""
    lines = [*draw(BEGINNINGS)]
    for slip in draw(st.lists(SLIPS, min_size=1, max_size=2)):
        lines.insert(draw(st.integers(0, len(lines))), slip)
    return "\n".join(lines).replace("$", draw(st.shared(SECRETS, key="secret")))


@given(st.shared(SECRETS, key="secret"), files())
def test_no_reader_of_a_keyring_file_repeats_what_stands_there(secret, text):
    said = ""
    try:
        read_keyring("NTAG424_KEYRING_FILE", text, allow_zero_keys=False)
    except SettingsError as error:
        said += f"{error} {error.hint} "
    try:
        read_keys(text)
    except ProvisioningError as error:
        said += f"{error} {error.hint}"
    assert_untold(secret, said)
