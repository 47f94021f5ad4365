"""A USB bus made up: the folder that Linux has in /sys/bus/usb/devices."""

from __future__ import annotations


def plug(
    devices,
    usb_id,
    *,
    bus=1,
    device=2,
    driver=None,
    interface_class="ff",
    interfaces=1,
    product="",
):
    """Make the folder of one device in *devices*, and return it."""
    vendor, _, number = usb_id.partition(":")
    folder = devices / f"{bus}-{device}"
    folder.mkdir(parents=True)
    files = {"idVendor": vendor, "idProduct": number, "busnum": bus, "devnum": device}
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n")
    if product:
        (folder / "product").write_text(f"{product}\n")
    for index in range(interfaces):
        interface = folder / f"{folder.name}:1.{index}"
        interface.mkdir()
        (interface / "bInterfaceClass").write_text(f"{interface_class}\n")
        if driver:
            module = devices / ".drivers" / driver
            module.mkdir(parents=True, exist_ok=True)
            (interface / "driver").symlink_to(module)
    return folder
