"""Disks from outside: machines, numbers and kinds of disks, and devices that fail or fall silent."""
import os
import random
import struct

import pytest

from harness import boot, fat_image, machine, run_batch, selftest

machine_build = machine.build
pytestmark = pytest.mark.chapter(8)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("disks") / "disk.img"
    return fat_image({"/HELLO.TXT": "hello from the first\n"}, path)


@pytest.mark.parametrize("machine, firmware", [("pc", "bios"), ("q35", "bios"), ("q35", "uefi"), ("pc", "uefi")])
def test_machines(image, machine, firmware):
    folder = machine_build("08", (), ("kernel", "iso"))
    batch = run_batch(folder, 60, boot="iso", cmdline="selftest=virtio", disk=image, machine=machine, firmware=firmware)
    assert batch.status == 0, batch.output[-2000:]
    assert batch.tap.skipped == ["virtio.scratch"]


def test_no_disk():
    with boot(upto="08", disk="none") as kernel:
        assert "disks: none" in kernel.prompt()
        assert "no disks" in kernel.command("disks")
        assert kernel.halt() == 0
    batch = selftest("virtio", upto="08", disk="none")
    assert batch.status == 0 and len(batch.tap.skipped) == 3


def test_two_disks(image, tmp_path):
    second = fat_image({"/OTHER.TXT": "x" * 77}, tmp_path / "second.img")
    with boot(upto="10", disk=image, disk2=second) as kernel:
        kernel.prompt()
        text = kernel.command("disks")
        assert "vda" in text and "vdb" in text and "vdc" not in text
        assert "OTHER.TXT" in kernel.command("fat vdb")
        assert "hello from the first" in kernel.command("cat /hello.txt")
        assert kernel.halt() == 0


def drive(path, name, options, device=""):
    return (f"-drive file={path},format=raw,if=none,id={name},{options} "
            f"-device virtio-blk-pci,drive={name}{device}")


def test_tiny_and_odd_disks(tmp_path):
    """One sector; and a size that is no multiple of a window."""
    for size in (512, 512 * 13):
        path = tmp_path / f"disk{size}.img"
        path.write_bytes(random.Random(size).randbytes(size))
        with boot(upto="10", disk=path) as kernel:
            kernel.prompt()
            assert "sectors of 512 bytes" in kernel.command("disks")
            assert "malformed" in kernel.command("fat vda")
            assert kernel.halt() == 0


@pytest.mark.parametrize("device", [",logical_block_size=4096,physical_block_size=4096", ",disable-legacy=on",
                                    ",disable-legacy=off", ",queue-size=64", ",num-queues=1", ",queue-size=4",
                                    ",indirect_desc=off", ",indirect_desc=off,queue-size=8",
                                    ",seg-max-adjust=off,queue-size=16", ",indirect_desc=off,queue-size=4"])
def test_kinds_of_virtio_disks(image, device):
    """Also those that can hold only few requests at a time, and those without tables of their own."""
    batch = selftest("virtio", upto="08", icount=0, disk="none", qemu_extra=drive(image, "extra", "readonly=on", device))
    assert batch.status == 0, batch.output[-2000:]
    assert batch.tap.skipped == ["virtio.scratch"]


@pytest.mark.parametrize("device", ["", ",logical_block_size=4096,physical_block_size=4096", ",indirect_desc=off",
                                    ",queue-size=4", ",write-cache=off"])
def test_what_is_written_is_on_the_disk(image, tmp_path, device):
    """On a second disk, too; the host looks at the image afterwards."""
    scratch = tmp_path / "scratch.img"
    scratch.write_bytes(b"nikki: scratch".ljust(1 << 20, b"\0"))
    batch = selftest("virtio.scratch", upto="08", icount=0, disk=image,
                     qemu_extra=drive(scratch, "extra", "cache=writeback", device))
    assert batch.status == 0 and not batch.tap.skipped, batch.output[-2000:]
    data = scratch.read_bytes()
    for number in range(1, 200):
        words = struct.unpack("<512Q", data[4096 * number:4096 * (number + 1)])
        whole = [number << 16 | i for i in range(512)]
        sector = 512 if "=4096" in device else 64
        expected = [0] * 448 + whole[448:] if number % 4 == 1 else whole
        assert list(words) == expected, (number, sector)
    assert data[4096 * 200:] == b"\0" * (len(data) - 4096 * 200)


def test_a_disk_behind_bridges(image):
    """Two bridges deep; its bus has a number that the firmware gave."""
    extra = ("-device pci-bridge,id=first,chassis_nr=1 -device pci-bridge,id=second,chassis_nr=2,bus=first,addr=3 "
             + drive(image, "deep", "readonly=on", ",bus=second,addr=5"))
    batch = selftest("virtio", upto="08", icount=0, disk="none", qemu_extra=extra)
    assert batch.status == 0, batch.output[-2000:]
    assert batch.tap.skipped == ["virtio.scratch"]


def faulty(image, rules, tmp_path):
    """QEMU options for a disk that fails as blkdebug's rules say."""
    path = tmp_path / "rules"
    path.write_text(rules)
    return (f"-drive driver=raw,file.driver=blkdebug,file.config={path},file.image.driver=file,"
            f"file.image.filename={image},if=none,id=bad,werror=report,rerror=report "
            "-device virtio-blk-pci,drive=bad")


@pytest.mark.parametrize("event, extra, first, second", [
    ("flush_to_disk", 'once = "on"', 1, 0),  # the caller is told, and asks again
    ("write_aio", 'once = "on"', 0, 0),      # the cache tries again, block by block
    ("write_aio", 'sector = "1000"\niotype = "write"', 1, 1),  # and can do nothing about a bad sector
    ("read_aio", 'sector = "1000"', 3, 3),   # nor can anybody; so it is never written either
])
def test_errors_reach_whoever_asked(tmp_path, event, extra, first, second):
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(4 << 20))
    rule = f'[inject-error]\nevent = "{event}"\nerrno = "5"\n{extra}\n'
    with boot(upto="08", disk="none", qemu_extra=faulty(disk, rule, tmp_path)) as kernel:
        kernel.prompt()
        assert kernel.command("disk-bench vda").count("I/O error") == first + (event == "read_aio")
        assert kernel.command("disk-bench vda").count("I/O error") == second + (event == "read_aio")
        assert int(kernel.command("disks").split("errors ")[1].split()[0]) > 0
        assert "0 of them pinned" in kernel.command("cache")
        assert kernel.halt() == 0


def test_read_errors_reach_the_caller(image, tmp_path):
    """QEMU answers each read that touches the first sector with an error; all others work."""
    rules = tmp_path / "rules"
    rules.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "0"\n')
    extra = (f"-drive driver=raw,file.driver=blkdebug,file.config={rules},file.image.driver=file,"
             f"file.image.filename={image},if=none,id=bad,readonly=on,werror=report,rerror=report "
             "-device virtio-blk-pci,drive=bad")
    with boot(upto="09", disk="none", qemu_extra=extra) as kernel:
        kernel.prompt()
        assert "I/O error" in kernel.command("fat vda")
        assert "I/O error" in kernel.command("fat vda")
        assert "errors 2" in kernel.command("disks")
        assert kernel.halt() == 0


def test_a_silent_disk_is_given_up(image):
    """The interrupt never arrives: each request ends with an error when its time is up, and the disk is reset."""
    with boot(upto="09", disk=image, overlay="tests/08-virtio/deaf.nw") as kernel:
        kernel.prompt()
        assert "I/O error" in kernel.command("fat vda")
        text = kernel.command("disks")
        assert "resets 1" in text and "interrupts 0" in text
        assert "tasks" in kernel.command("help")
        assert kernel.halt() == 0


def test_a_slow_disk_is_waited_for(image):
    """Late answers are answers: a disk that does 20 requests in a second."""
    extra = drive(image, "slow", "readonly=on,throttling.iops-total=20")
    with boot(upto="09", disk="none", qemu_extra=extra) as kernel:
        kernel.prompt()
        assert "HELLO.TXT" in kernel.command("fat vda")
        assert "resets 0" in kernel.command("disks")
        assert kernel.halt() == 0


def test_a_disk_slower_than_its_limit(image):
    """With a limit of 20 ms the same disk is reset, again and again, and nothing hangs or is overrun."""
    extra = drive(image, "slow", "readonly=on,throttling.iops-total=2")
    with boot(upto="09", disk="none", overlay="tests/08-virtio/impatient.nw", qemu_extra=extra) as kernel:
        kernel.prompt()
        for _ in range(3):
            kernel.command("fat vda")
        assert int(kernel.command("disks").split("resets ")[1].split()[0]) > 0
        assert kernel.halt() == 0


def test_the_ram_disk_comes_first(image, tmp_path):
    ram = tmp_path / "ram.img"
    ram.write_bytes(os.urandom(100 * 512))
    with boot(upto="08", disk=image, modules=f"{ram}:disk") as kernel:
        kernel.prompt()
        text = kernel.command("disks")
        assert text.index("vda  RAM disk, 50 KiB") < text.index("vdb  virtio disk")
        assert kernel.halt() == 0
