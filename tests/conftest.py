"""How hard hypothesis looks: HYPOTHESIS_PROFILE names a profile, "default" without it.

And `--update-snapshots`, which writes snapshot files instead of comparing with them. Every test
has a state folder of its own, so that copies of one vault do not know of each other.
"""

import os
import secrets

import pytest
from hypothesis import settings

# A gate must give the same answer twice; looking for new examples is for the nights.
_GATE = os.environ.get("CI") == "true"

settings.register_profile("default", deadline=None, derandomize=_GATE)
settings.register_profile("nightly", deadline=None, derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser):
    parser.addoption("--update-snapshots", action="store_true", help="write snapshots anew")


@pytest.fixture(scope="session", autouse=True)
def _state_of_the_session(tmp_path_factory):
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.getbasetemp() / "state")


@pytest.fixture(autouse=True)
def _state_of_the_test(tmp_path_factory, monkeypatch):
    name = f"state-{secrets.token_hex(8)}"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / name))
