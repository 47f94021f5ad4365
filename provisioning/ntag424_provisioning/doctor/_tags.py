"""What lies on a reader."""

from __future__ import annotations

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
from ntag424_provisioning.doctor._finding import Finding, State
from ntag424_provisioning.doctor._service import refused_by_polkit
from ntag424_provisioning.links import Link, PcscName, ReaderName, open_link


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
