"""A program with a PC/SC reader: prints what became of `list`, or of `transmit READER`."""

# ruff: noqa: T201 - printing is what it does

from __future__ import annotations

import sys

from ntag424.apdu import CommandApdu
from ntag424.errors import ReaderError, TransportError
from ntag424.readers import PcscReader, pcsc_readers


def main(job, *arguments):
    try:
        if job == "list":
            print(*pcsc_readers())
        else:
            transmit(*arguments)
    except TransportError as error:
        print(f"TransportError outcome_unknown={error.outcome_unknown}")
    except ReaderError as error:
        print(type(error).__name__)


def transmit(name):
    """Connect, wait for a line, and send a command."""
    with PcscReader.open(name) as reader:
        reader.wait_for_tag(5)
        print("connected", flush=True)
        sys.stdin.readline()
        print(reader.transmit(CommandApdu(0x60)))


if __name__ == "__main__":
    main(*sys.argv[1:])
