"""How hard hypothesis looks: HYPOTHESIS_PROFILE names a profile, "default" without it.

And `--update-snapshots`, which writes snapshot files instead of comparing with them.
"""

import os

from hypothesis import settings

# A gate must give the same answer twice; looking for new examples is for the nights.
_GATE = os.environ.get("CI") == "true"

settings.register_profile("default", deadline=None, derandomize=_GATE)
settings.register_profile("nightly", deadline=None, derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser):
    parser.addoption("--update-snapshots", action="store_true", help="write snapshots anew")
