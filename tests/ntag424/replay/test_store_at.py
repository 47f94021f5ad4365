"""The URL of a store chooses its kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ntag424.errors import StoreUrlError
from ntag424.replay import SqliteStore, store_at

ROOT = Path(__file__).resolve().parents[3]
REDIS = [
    f"{scheme}{form}://127.0.0.1:1/0"
    for scheme in ("redis", "rediss")
    for form in ("", "+sentinel", "+cluster")
]
POSTGRES = ["postgresql://127.0.0.1:1/ledger", "postgres://127.0.0.1:1/ledger"]


def run(code):
    """Run *code* in a fresh interpreter; return what it printed."""
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ).stdout


def test_sqlite_is_chosen_by_its_scheme():
    assert isinstance(store_at("sqlite:///ledger.db"), SqliteStore)


@pytest.mark.parametrize(
    "url",
    ["", "secretword", "mysql://secretword", "REDIS://secretword", "redis", "file:///secretword"],
)
def test_a_url_of_no_kind_is_refused_and_not_quoted(url):
    with pytest.raises(StoreUrlError) as refusal:
        store_at(url)
    assert "secretword" not in f"{refusal.value} {refusal.value.hint}"


def test_a_url_of_an_unknown_kind_is_told_the_kinds():
    with pytest.raises(StoreUrlError, match=r"sqlite://.*redis\+cluster://.*postgresql://"):
        store_at("mysql://host")


@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [(url, "redis", "redis") for url in REDIS]
    + [(url, "psycopg", "postgres") for url in POSTGRES],
)
def test_a_kind_whose_driver_is_not_installed_names_the_extra(url, driver, extra):
    printed = run(
        "import sys\n"
        f"sys.modules[{driver!r}] = None\n"
        "from ntag424.errors import StoreUrlError\n"
        "from ntag424.replay import store_at\n"
        f"try: store_at({url!r})\n"
        "except StoreUrlError as error: print(error)"
    )
    assert printed.endswith(f"needs the extra: pip install 'ntag424[{extra}]'\n")
