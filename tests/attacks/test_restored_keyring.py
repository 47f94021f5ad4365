"""Attack: put an older keyring file back, in which a key version that leaked is still accepted."""

from __future__ import annotations

import pytest

from tests.service.running import free_port, run_command, serving

RETIRED_AND_ACTIVE = """
[[version]]
ordinal = 1
state = "{state}"
scheme = "an10922"
master_key = "00112233445566778899AABBCCDDEEFF"

[[version]]
ordinal = 2
scheme = "an10922"
master_key = "FFEEDDCCBBAA99887766554433221100"
"""


@pytest.fixture
def write(installation):
    def write(state):
        installation.keyring_file.write_text(RETIRED_AND_ACTIVE.format(state=state))

    return write


@pytest.fixture
def retired(installation, write):
    """An installation that served with version 1 accepted, and then retired."""
    for state in ("accepting", "retired"):
        write(state)
        with serving(installation):
            pass
    return installation


def test_a_version_that_was_retired_does_not_come_back_with_an_older_file(retired, write):
    write("accepting")
    port = {"NTAG424_PORT": str(free_port())}
    refused = run_command("serve", settings=retired.settings | port)
    error, hint = refused.stderr.splitlines()
    assert (refused.returncode, "key version 1, which was retired" in error) == (2, True)
    assert "NTAG424_ACCEPT_AGAIN" in hint


def test_it_comes_back_if_the_operator_says_so(retired, write):
    write("accepting")
    again = type(retired)(retired.folder, {"NTAG424_ACCEPT_AGAIN": "1"})
    with serving(again):
        pass
