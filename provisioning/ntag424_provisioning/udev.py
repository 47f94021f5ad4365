"""What Linux must know about the readers: who may open them, and which modules keep off.

`python -m ntag424_provisioning.udev FOLDER` writes both files.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ntag424_provisioning.usb_readers import USB_READERS, UsbReader

#: Below 73, where systemd hands devices to whoever sits at the machine.
RULES_NAME = "70-ntag424.rules"
MODPROBE_NAME = "ntag424.conf"

_RULES_HEAD = """\
# Readers that nfcpy opens over USB: for whoever sits at the machine, and for the group plugdev.
# Readers over PC/SC need no rule, because pcscd opens them. Copy to /etc/udev/rules.d/, then:
#   udevadm control --reload && udevadm trigger --subsystem-match=usb

ACTION=="remove", GOTO="ntag424_end"
SUBSYSTEM!="usb", GOTO="ntag424_end"
ENV{DEVTYPE}!="usb_device", GOTO="ntag424_end"
"""
_RULES_TAIL = """
LABEL="ntag424_end"
"""
_RIGHTS = 'TAG+="uaccess", GROUP="plugdev", MODE="0660"'
_MODPROBE_HEAD = """\
# Modules that claim readers before nfcpy or pcscd can. Copy to /etc/modprobe.d/, then unplug the
# reader, or: modprobe --remove {modules}
"""


def rules() -> str:
    """Return the udev rules: one line for each reader."""
    return _RULES_HEAD + "".join(_rule(reader) for reader in USB_READERS) + _RULES_TAIL


def _rule(reader: UsbReader) -> str:
    ids = f'ATTR{{idVendor}}=="{reader.vendor:04x}", ATTR{{idProduct}}=="{reader.product:04x}"'
    return f"\n# {reader.models}\n{ids}, {_RIGHTS}\n"


def modprobe() -> str:
    """Return the modprobe configuration: one line for each module in the way."""
    modules = kernel_drivers()
    lines = "".join(f"blacklist {module}\n" for module in modules)
    return _MODPROBE_HEAD.format(modules=" ".join(modules)) + lines


def kernel_drivers() -> list[str]:
    """Name the modules that claim a reader, each once."""
    return sorted({reader.kernel_driver for reader in USB_READERS if reader.kernel_driver})


def main(folder: str) -> None:
    """Write both files into *folder*."""
    Path(folder, RULES_NAME).write_text(rules(), "ascii")
    Path(folder, MODPROBE_NAME).write_text(modprobe(), "ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
