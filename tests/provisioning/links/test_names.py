"""How readers are named, and what is no name of a reader."""

from __future__ import annotations

import shlex

import pytest
from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.links import (
    NfcpyName,
    PcscName,
    SimulatedName,
    as_option,
    parse_reader,
)

NAMES = {
    "pcsc:ACS ACR1252U [PICC] 00 00": PcscName("ACS ACR1252U [PICC] 00 00"),
    "pcsc:usb": PcscName("usb"),
    "usb": NfcpyName("usb"),
    "usb:001:005": NfcpyName("usb:001:005"),
    "usb:054c:06C1": NfcpyName("usb:054c:06C1"),
    "udp:127.0.0.1:54321": NfcpyName("udp:127.0.0.1:54321"),
    "udp:reader-1.example:1": NfcpyName("udp:reader-1.example:1"),
    "sim:alice": SimulatedName("alice"),
    "sim:T-*": SimulatedName("T-*"),
}


@pytest.mark.parametrize("text", NAMES)
def test_each_way_to_a_reader_has_its_notation(text):
    assert parse_reader(text) == NAMES[text]


@pytest.mark.parametrize("text", NAMES)
def test_a_reader_is_written_as_it_is_read(text):
    assert str(parse_reader(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pcsc",
        "pcsc:",
        "PCSC:a",
        "usb:",
        "usb:1",
        "usb:001:005:2",
        "usb:0001:zzzz",
        "usb\n",
        "udp",
        "udp:host",
        "udp:host:",
        "udp::1",
        "udp:host:0",
        "udp:host:65536",
        "udp:a b:1",
        "tty:USB0",
        "alice",
    ],
)
def test_anything_else_names_no_reader(text):
    with pytest.raises(SetupError) as caught:
        parse_reader(text)
    assert "pcsc:NAME" in caught.value.hint


@pytest.mark.parametrize("text", ["sim:", "sim:../a", "sim:a/b", "sim:a.json"])
def test_no_simulated_tag_is_a_path(text):
    with pytest.raises(SetupError, match="simulated"):
        parse_reader(text)


@pytest.mark.parametrize("text", NAMES)
def test_a_shell_reads_the_option_as_it_was_meant(text):
    assert shlex.split(as_option(parse_reader(text))) == ["--reader", text]
