"""The two ways to readers: PC/SC with its service, and nfcpy."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424.errors import (
    ReaderDriverMissingError,
    ReaderError,
    ReaderRefusedError,
    ReaderServiceError,
    TransportError,
)
from ntag424.readers import INSTALL_NFCPY, INSTALL_PCSC, nfcpy_readers, pcsc_readers
from ntag424_provisioning.doctor._finding import Finding, State
from ntag424_provisioning.doctor._machine import Machine, as_root
from ntag424_provisioning.doctor._service import examine_service, refused_by_polkit
from ntag424_provisioning.links import ccid_readers

_PCSC, _NFCPY = "PC/SC", "nfcpy"


@dataclass(frozen=True, slots=True)
class Way:
    """One way, with the readers it leads to."""

    finding: Finding
    readers: tuple[str, ...] = ()


def examine_pcsc(machine: Machine) -> Way:
    """Ask pcscd for its readers."""
    try:
        readers = tuple(pcsc_readers())
    except ReaderDriverMissingError as error:
        return Way(_missing(_PCSC, error, INSTALL_PCSC))
    except ReaderServiceError:
        return Way(examine_service(machine, _PCSC))
    except ReaderRefusedError:
        return Way(refused_by_polkit(_PCSC))
    except (ReaderError, TransportError) as error:
        return Way(Finding(_PCSC, State.FAULT, f"It does not work: {error}."))
    connected = ccid_readers(machine.usb_devices)
    if connected and not readers:
        return Way(_without_ccid_driver(machine, connected))
    return Way(Finding(_PCSC, State.OK, f"pcscd answers, and knows {_counted(readers)}."), readers)


def examine_nfcpy() -> Way:
    """Ask nfcpy for its readers."""
    try:
        readers = tuple(nfcpy_readers())
    except ReaderDriverMissingError as error:
        return Way(_missing(_NFCPY, error, INSTALL_NFCPY))
    return Way(Finding(_NFCPY, State.OK, f"It works, and finds {_counted(readers)}."), readers)


def _missing(what: str, error: ReaderDriverMissingError, install: str) -> Finding:
    system, _, python = install.partition(" && ")
    reason = str(error.__cause__ or error)
    return Finding(what, State.FAULT, f"It is not installed: {reason}.", (as_root(system), python))


def _without_ccid_driver(machine: Machine, connected: list[str]) -> Finding:
    cause = f"pcscd answers, but does not know the reader that is connected: {connected[0]}."
    install = as_root("apt-get install libccid")
    restart = (as_root("systemctl restart pcscd"),) if machine.systemd.is_dir() else ()
    return Finding(_PCSC, State.FAULT, cause, (install, *restart))


def _counted(readers: tuple[str, ...]) -> str:
    match len(readers):
        case 0:
            return "no reader"
        case 1:
            return "one reader"
        case many:
            return f"{many} readers"
