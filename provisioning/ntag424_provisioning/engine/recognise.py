"""Which tag is on the reader, also where random IDs hide it: asked before anything else."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424 import Keyring
from ntag424.errors import ProtocolError, TagRefusedError
from ntag424.flow import run
from ntag424.session import Session
from ntag424.transport import Transport
from ntag424_provisioning.engine.observe import observe
from ntag424_provisioning.engine.own_tap import own_tap
from ntag424_provisioning.errors import NotOurChipError


@dataclass(frozen=True, slots=True)
class Recogniser:
    """An `ntag424.readers.Identify`: the UID that NXP gave a tag, None if it cannot be told.

    A tag with random IDs is known by its own tap, which one of these keys must open.
    """

    keyring: Keyring

    def __call__(self, transport: Transport) -> bytes | None:
        """Ask the tag; see `ntag424.readers.Identify`."""
        session = Session(transport)
        try:
            session.select()
            uid = session.version().uid
            if any(uid):
                return uid
            tap = own_tap(run(observe(), transport), self.keyring)
        except (NotOurChipError, ProtocolError, TagRefusedError):
            return None
        return None if tap is None else tap.uid
