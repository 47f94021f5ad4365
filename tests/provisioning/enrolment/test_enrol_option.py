"""`--enrol` names a service, a ledger, or nobody yet."""

from __future__ import annotations

import threading

import pytest
from ntag424_provisioning.cli.enrol_option import open_enroller
from ntag424_provisioning.enrolment import Later
from ntag424_provisioning.errors import SetupError

from tests.provisioning.enrolment.desk import FIRST, new_uid


def test_a_service_is_named_by_its_address(desk):
    uid = new_uid()
    with open_enroller(desk.address, desk.credential_file) as enroller:
        enroller.enrol(uid, FIRST, 2)
    assert desk.known(uid) == (FIRST, 2)


def test_a_ledger_is_named_by_its_path_and_that_of_its_identity(desk):
    uid = new_uid()
    name = f"sqlite:///{desk.store}?identity={desk.identity_file}"
    with open_enroller(name, None) as enroller:
        enroller.enrol(uid, FIRST, 2)
    assert desk.known(uid) == (FIRST, 2)


def test_later_is_silent_and_enrols_nobody(capfd):
    with open_enroller("later", None) as enroller:
        assert isinstance(enroller, Later)
    assert capfd.readouterr() == ("", "")


def test_nothing_said_means_later_and_is_told(capfd):
    with open_enroller(None, None) as enroller:
        assert isinstance(enroller, Later)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "tags export --signed" in printed.err


@pytest.mark.parametrize(
    "name",
    [
        "",
        "never",
        "LATER",
        "id.example.com",
        "sqlite://",
        "sqlite:///",
        "sqlite:////ledger.db",
        "sqlite:////ledger.db?identity=",
        "redis://id.example.com",
        "redis://id.example.com?identity=",
        "redis://id.example.com?identity=/one&identity=/other",
        "postgresql://id.example.com/ledger?sslmode=verify-full",
        "http://id.example.com",
    ],
)
def test_anything_else_is_refused_with_what_to_write(desk, name):
    with pytest.raises(SetupError) as refused:
        open_enroller(name, desk.credential_file)
    assert "https://id.example.com" in refused.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "sqlite:///?identity=/identity.json",
        "mysql://secretword?identity=/identity.json",
        "redis://user:secretword@host?identity=/identity.json",
        "redis://host?secretword=1&identity=/identity.json",
        "redis://host?identity=/identity.json&secretword=1",
    ],
)
def test_a_ledger_that_is_named_wrongly_is_refused_and_not_quoted(name):
    with pytest.raises(SetupError, match="--enrol names no ledger") as refused:
        open_enroller(name, None)
    assert "secretword" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    "form", ["?identity={}", "?replicas=1&identity={}", "?identity={}&replicas=1"]
)
def test_a_ledger_across_a_network_is_asked_before_a_tag_is_touched(desk, form):
    """Nobody listens there."""
    with pytest.raises(SetupError, match="the ledger cannot be used: ") as refused:
        open_enroller(f"redis://127.0.0.1:1{form.format(desk.identity_file)}", None)
    assert "run this again" in refused.value.hint
    assert "enrolling" not in {thread.name for thread in threading.enumerate()}


def test_a_service_needs_a_credential_file(desk):
    with pytest.raises(SetupError, match="without a credential") as refused:
        open_enroller(desk.address, None)
    assert "--credential-file" in refused.value.hint
