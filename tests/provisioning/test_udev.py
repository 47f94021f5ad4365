"""The files for udev and modprobe are those of the table, and udev does what they say."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ntag424_provisioning.udev import MODPROBE_NAME, RULES_NAME, kernel_drivers, modprobe, rules
from ntag424_provisioning.usb_readers import USB_READERS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "udev-rules"
RULE = re.compile(
    r'ATTR\{idVendor\}=="([0-9a-f]{4})", ATTR\{idProduct\}=="([0-9a-f]{4})", '
    r'TAG\+="uaccess", GROUP="plugdev", MODE="0660"'
)
UDEVADM = shutil.which("udevadm")


def test_the_rules_in_the_repository_are_those_of_the_table():
    assert (FOLDER / RULES_NAME).read_text("ascii") == rules()


def test_the_modprobe_file_in_the_repository_is_that_of_the_table():
    assert (FOLDER / MODPROBE_NAME).read_text("ascii") == modprobe()


def test_the_table_has_every_reader_that_nfcpy_drives_and_no_other():
    device = pytest.importorskip("nfc.clf.device")
    table = {(reader.vendor, reader.product): reader.chip for reader in USB_READERS}
    assert table == device.usb_device_map


def test_every_reader_of_the_table_has_one_rule():
    assert RULE.findall(rules()) == [
        (f"{reader.vendor:04x}", f"{reader.product:04x}") for reader in USB_READERS
    ]


def test_nothing_but_rules_jumps_and_comments_is_in_the_file():
    lines = [line for line in rules().splitlines() if line and not line.startswith("#")]
    others = [line for line in lines if not RULE.fullmatch(line)]
    assert others == [
        'ACTION=="remove", GOTO="ntag424_end"',
        'SUBSYSTEM!="usb", GOTO="ntag424_end"',
        'ENV{DEVTYPE}!="usb_device", GOTO="ntag424_end"',
        'LABEL="ntag424_end"',
    ]


def test_the_rules_come_before_those_that_hand_devices_to_the_seat():
    assert int(RULES_NAME.partition("-")[0]) < 73


def test_each_module_in_the_way_is_kept_off_once():
    found = re.findall("^blacklist (.*)$", modprobe(), re.MULTILINE)
    assert found == kernel_drivers() == ["pn533_usb", "port100"]


def test_the_files_are_written_by_the_module(tmp_path):
    importlib.import_module("ntag424_provisioning.udev").main(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {RULES_NAME, MODPROBE_NAME}


# ---- with udev itself -----------------------------------------------------------------------

# A device made up in a mount namespace of its own: nothing of the machine is touched.
_INVENT = """
set -e
devices=devices/pci0000:00/usb1/1-1
mount -t tmpfs tmpfs "$SYS"
mkdir -p "$SYS/$devices" "$SYS/bus/usb/devices" "$SYS/class"
ln -s ../../../../bus/usb "$SYS/$devices/subsystem"
cat > "$SYS/$devices/uevent" <<END
MAJOR=189
MINOR=1
DEVNAME=bus/usb/001/002
DEVTYPE=usb_device
PRODUCT=$VENDOR/$PRODUCT/100
TYPE=0/0/0
BUSNUM=001
DEVNUM=002
END
echo "$VENDOR" > "$SYS/$devices/idVendor"
echo "$PRODUCT" > "$SYS/$devices/idProduct"
echo 189:1 > "$SYS/$devices/dev"
ln -s ../../../$devices "$SYS/bus/usb/devices/1-1"
mount -t tmpfs tmpfs /run
mkdir -p /run/udev/rules.d
cp "$RULES" /run/udev/rules.d/
for folder in /lib/udev/rules.d /usr/lib/udev/rules.d /etc/udev/rules.d; do
    [ ! -d "$folder" ] || mount -t tmpfs tmpfs "$folder"
done
mount -t tmpfs tmpfs /dev
mkdir -p /dev/char /dev/bus/usb/001
mknod -m 0600 /dev/bus/usb/001/002 c 189 1
[ -e /dev/null ] || mknod -m 0666 /dev/null c 1 3
mount --bind "$SYS" /sys
udevadm test --action=add "/sys/$devices" 2>&1
stat -c 'node %a %G' /dev/bus/usb/001/002
"""


def invented(reader_id, tmp_path, rules_file=FOLDER / RULES_NAME):
    """Let udev meet a device of this id, and return what it says and does."""
    if UDEVADM is None:
        pytest.skip("udev is not installed")
    vendor, product = reader_id.split(":")
    (tmp_path / "sys").mkdir()
    finished = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _INVENT],
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "SYS": str(tmp_path / "sys"),
            "RULES": str(rules_file),
            "VENDOR": vendor,
            "PRODUCT": product,
            "SYSTEMD_DEVICE_VERIFY_SYSFS": "0",
        },
    )
    if finished.returncode:
        pytest.skip(f"no device can be made up here: {finished.stderr.strip()[-200:]}")
    return finished.stdout


@pytest.mark.parametrize("reader", USB_READERS, ids=lambda reader: reader.usb_id)
def test_udev_gives_a_reader_to_the_seat_and_to_the_group(reader, tmp_path):
    said = invented(reader.usb_id, tmp_path)
    assert ("uaccess" in said, said.splitlines()[-1]) == (True, "node 660 plugdev")


def test_udev_leaves_any_other_device_alone(tmp_path):
    said = invented("054c:9999", tmp_path)
    assert ("uaccess" in said, said.splitlines()[-1]) == (False, "node 600 root")


def complaints(said):
    """Pick what udev says of the rules beside what it does by them."""
    wrong = re.compile(
        "invalid|unknown|ignoring|no matching|expected|failed to parse", re.IGNORECASE
    )
    return [line for line in said.splitlines() if RULES_NAME in line and wrong.search(line)]


def test_udev_finds_nothing_to_complain_about(tmp_path):
    assert complaints(invented("072f:2200", tmp_path)) == []


def test_udev_would_complain_about_a_wrong_rule(tmp_path):
    wrong = tmp_path / RULES_NAME
    wrong.write_text(rules() + 'FOO=="x", MODE="0666"\n', "ascii")
    assert complaints(invented("072f:2200", tmp_path, wrong)) != []


def test_udevadm_verifies_the_rules():
    if UDEVADM is None:
        pytest.skip("udev is not installed")
    verdict = subprocess.run(
        [UDEVADM, "verify", "--resolve-names=never", str(FOLDER / RULES_NAME)],
        check=False,
        capture_output=True,
        text=True,
    )
    if "nknown" in verdict.stderr:
        pytest.skip("this udevadm cannot verify rules; from systemd 254 on it can")
    assert (verdict.returncode, verdict.stderr) == (0, "")
