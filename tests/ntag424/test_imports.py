"""Importing the library loads one backend, and nothing that verifying does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ["cryptography", "pycryptodome"]
LIBRARIES = {"cryptography": "cryptography", "pycryptodome": "Crypto"}
UNNEEDED = [
    "asyncio",
    "concurrent.futures",
    "multiprocessing",
    "sqlite3",
    "ntag424.apdu",
    "ntag424.bulk",
    "ntag424.diagnosis",
    "ntag424.model.files",
    "ntag424.replay",
    "ntag424.testing",
]

LOAD = "import sys, ntag424; print(*sys.modules)"
HIDE_CRYPTOGRAPHY = "import sys; sys.modules['cryptography'] = None; "


def run(code, backend=None):
    """Run *code* in a fresh interpreter in which NTAG424_CRYPTO is *backend*."""
    environment = {name: value for name, value in os.environ.items() if name != "NTAG424_CRYPTO"}
    if backend is not None:
        environment["NTAG424_CRYPTO"] = backend
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        cwd=ROOT,
        env=environment,
        text=True,
    )


def loaded(code=LOAD, backend=None):
    """Return the names of the modules that are loaded after *code*."""
    finished = run(code, backend)
    assert finished.stderr == ""
    return set(finished.stdout.split())


def libraries(modules):
    return [name for name, library in LIBRARIES.items() if library in modules]


def rooms(modules):
    return [name for name in BACKENDS if f"ntag424.crypto._{name}" in modules]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_backend_that_is_named_is_the_only_one_loaded(backend):
    assert rooms(loaded(backend=backend)) == [backend]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_library_of_the_other_backend_stays_away(backend):
    assert libraries(loaded(backend=backend)) == [backend]


@pytest.mark.parametrize("backend", [None, ""], ids=["unset", "empty"])
def test_cryptography_is_used_where_it_is_installed_and_nothing_is_named(backend):
    assert rooms(loaded(backend=backend)) == ["cryptography"]


def test_without_cryptography_pycryptodome_is_used():
    assert rooms(loaded(HIDE_CRYPTOGRAPHY + LOAD)) == ["pycryptodome"]


def test_cryptography_that_is_named_but_not_installed_is_an_import_error():
    assert "ModuleNotFoundError" in run(HIDE_CRYPTOGRAPHY + LOAD, "cryptography").stderr


@pytest.mark.parametrize("backend", ["openssl", "Cryptography", " cryptography", "pycryptodome "])
def test_a_backend_that_does_not_exist_is_refused_by_the_name_of_the_variable(backend):
    [*_, last] = run(LOAD, backend).stderr.splitlines()
    assert last == "ValueError: NTAG424_CRYPTO must be one of: cryptography, pycryptodome"


@pytest.mark.parametrize("backend", BACKENDS)
def test_verifying_needs_neither_event_loop_nor_store_nor_simulated_tag(backend):
    assert [name for name in UNNEEDED if name in loaded(backend=backend)] == []


def test_a_ledger_needs_no_driver_but_its_own():
    chosen = "from ntag424.replay import store_at; store_at('sqlite:///ledger.db'); "
    assert {"redis", "psycopg"} & loaded(chosen + LOAD) == set()


def test_everything_the_front_door_promises_is_there():
    code = "import sys, ntag424; print(*(n for n in ntag424.__all__ if not hasattr(ntag424, n)))"
    assert loaded(code) == set()


@pytest.mark.parametrize("name", ["explain", "verify_many"])
def test_what_is_loaded_later_is_there_when_it_is_asked_for(name):
    assert callable(getattr(__import__("ntag424"), name))


def test_what_is_not_there_is_said_as_python_says_it():
    with pytest.raises(AttributeError, match="module 'ntag424' has no attribute 'nothing'"):
        _ = __import__("ntag424").nothing
