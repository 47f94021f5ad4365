"""The page on architecture names rooms that there are, and leaves none out."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`((?:ntag424|service|provisioning)/[a-z0-9_/.]*)`", PAGE)))
PACKAGES = ["ntag424", "service/ntag424_service", "provisioning/ntag424_provisioning"]


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_is_there(name):
    assert (ROOT / name).exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_names_every_folder_of_a_package(package):
    folders = {path.parent for path in (ROOT / package).glob("*/__init__.py")}
    named = {(ROOT / name) for name in NAMED}
    assert [
        folder.name
        for folder in folders
        if folder not in named and not any(folder in one.parents for one in named)
    ] == []
