"""`--enrol` names a service, a ledger, or nobody yet."""

from __future__ import annotations

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
        "sqlite:///?identity=/identity.json",
        "postgresql://id.example.com",
        "http://id.example.com",
    ],
)
def test_anything_else_is_refused_with_what_to_write(desk, name):
    with pytest.raises(SetupError) as refused:
        open_enroller(name, desk.credential_file)
    assert "https://id.example.com" in refused.value.hint


def test_a_service_needs_a_credential_file(desk):
    with pytest.raises(SetupError, match="without a credential") as refused:
        open_enroller(desk.address, None)
    assert "--credential-file" in refused.value.hint
