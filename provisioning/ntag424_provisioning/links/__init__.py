"""Ways to a tag: `pcsc:NAME`, `usb`, `udp:HOST:PORT`, `sim:NAME`."""

from ntag424_provisioning.links._link import Link

__all__ = ["Link"]
