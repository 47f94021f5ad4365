"""The whole examination, from the drivers to the tag."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from ntag424.errors import (
    NoTagError,
    Ntag424Error,
    ProtocolError,
    ReaderError,
    ReaderRefusedError,
    TagRefusedError,
    TransportError,
)
from ntag424.session import Session
from ntag424_provisioning.doctor._drivers import (
    Way,
    examine_nfcpy,
    examine_pcsc,
    examine_usb,
    refused_by_polkit,
)
from ntag424_provisioning.doctor._files import examine_files
from ntag424_provisioning.doctor._findings import Finding, Machine, State
from ntag424_provisioning.links import (
    Link,
    NfcpyName,
    PcscName,
    ReaderName,
    SimulatedName,
    attached_readers,
    candidates,
    open_link,
)


def examine_tag(reader: ReaderName) -> Finding:
    """Look for a tag on *reader*, and ask it which chip it is."""
    what = f"tag on {reader}"
    try:
        with closing(open_link(reader)) as link:
            return _asked(what, link)
    except ReaderRefusedError as error:
        if isinstance(reader, PcscName):
            return refused_by_polkit(what)
        return _unusable(what, error)
    except (ReaderError, TransportError) as error:
        return _unusable(what, error)


def _asked(what: str, link: Link) -> Finding:
    try:
        link.wait_for_tag(0)
    except NoTagError as error:
        return Finding(what, State.WARNING, f"There is none: {error}. {error.hint}")
    try:
        version = Session(link).version()
    except (TagRefusedError, ProtocolError, TransportError) as error:
        return Finding(what, State.FAULT, f"It does not answer as an NTAG 424 DNA: {error}.")
    if not version.is_ntag424:
        told = bytes(version.hardware).hex().upper()
        return Finding(what, State.FAULT, f"It is another chip, not an NTAG 424 DNA: {told}.")
    chip = "NTAG 424 DNA TagTamper" if version.has_tag_tamper else "NTAG 424 DNA"
    return Finding(what, State.OK, f"It is an {chip}.")


def _unusable(what: str, error: Ntag424Error) -> Finding:
    return Finding(what, State.FAULT, f"The reader cannot be used: {error}. {error.hint}".rstrip())


def examine(machine: Machine, reader: ReaderName | None = None) -> list[Finding]:
    """Look at drivers, services, readers and tags; at what *reader* needs if it is given."""
    match reader:
        case None:
            return _examine_all(machine)
        case PcscName():
            return [examine_pcsc(machine).finding, examine_tag(reader)]
        case NfcpyName():
            on_usb, _ = _examine_usb(machine, ())
            return [examine_nfcpy().finding, *on_usb, examine_tag(reader)]
        case SimulatedName():
            return [examine_tag(reader)]


def _examine_all(machine: Machine) -> list[Finding]:
    pcsc, nfcpy = examine_pcsc(machine), examine_nfcpy()
    on_usb, unusable = _examine_usb(machine, pcsc.readers)
    # What was found wrong with a reader already need not be found out again by opening it.
    usable = [reader for reader in candidates() if str(reader) not in unusable]
    return [*_graded(pcsc, nfcpy), *on_usb, *_examine_tags(usable)]


def _graded(*ways: Way) -> list[Finding]:
    """Take for a warning what is wrong with one way while the other leads to a reader."""
    enough = any(way.readers for way in ways)
    return [way.finding.softened() if enough else way.finding for way in ways]


def _examine_usb(machine: Machine, names: Sequence[str]) -> tuple[list[Finding], set[str]]:
    """Look at all readers on USB; the paths of those with a trouble come second."""
    attached = attached_readers(machine.usb_devices)
    findings = [examine_usb(machine, each, names) for each in attached]
    looked_at = zip(attached, findings, strict=True)
    unusable = {each.path for each, finding in looked_at if finding.state is not State.OK}
    return [*findings, *examine_files(machine, needed=bool(attached))], unusable


def _examine_tags(readers: Sequence[ReaderName]) -> list[Finding]:
    if not readers:
        cause = "None is connected, or none can be used; --reader sim:NAME needs none."
        return [Finding("readers", State.FAULT, cause)]
    findings = [examine_tag(reader) for reader in readers]
    if any(finding.state is State.OK for finding in findings):
        # What lies on other readers, a security key for example, is no tag to work with.
        return [finding.softened() for finding in findings]
    return findings
