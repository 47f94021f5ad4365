"""Ways for software tags into the real reader stacks: no reader, no hardware, no root.

`VirtualCard` lays a tag on the virtual reader of vsmartcard's vpcd, so that it is
reached through pcscd. `UdpTag` holds one, as an `IsoDepPicc`, to nfcpy's UDP driver.
Both take anything that is a `Card`, such as a `SimulatedTag`, and both can lose it
before or after it has executed a command.
"""

from ntag424.testing.doors._card import Card, Loss
from ntag424.testing.doors._iso_dep import IsoDepPicc
from ntag424.testing.doors._udp_tag import UdpTag
from ntag424.testing.doors._virtual_card import VirtualCard

__all__ = ["Card", "IsoDepPicc", "Loss", "UdpTag", "VirtualCard"]
