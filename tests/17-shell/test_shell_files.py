"""Files from outside: memory stays flat however large a file is; a program that is hard on files; a second disk."""
import random

import pytest

from harness import boot, fat_image

pytestmark = pytest.mark.chapter(17)

MIB = 1 << 20


def disk_with(extra, path):
    """The disk's own programs and these files."""
    own = {f"/{name}.ELF": open(f"build/disk/{name.lower()}.elf", "rb").read() for name in ("INIT", "SHELL")}
    own |= {"/bin/FILES.ELF": open("build/disk/files.elf", "rb").read()}
    return fat_image(own | extra, path)


def figures(kernel):
    lines = [line.split() for line in kernel.command("cat /proc/meminfo").splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}


@pytest.mark.limit(180)
def test_copying_needs_a_small_buffer(tmp_path):
    """What a copy takes beside the copy itself does not depend on its size."""
    with boot() as kernel:  # makes the programs
        kernel.prompt()
        assert kernel.halt() == 0
    data = random.Random(17).randbytes(8 * MIB)
    with boot(disk=disk_with({"/BIG.BIN": data}, tmp_path / "disk.img"), limit=100) as kernel:
        kernel.prompt()
        kernel.command("cp /HELLO.TXT /tmp/x; cat /INIT.ELF > /tmp/x; rm /tmp/x")  # all that is made once is made
        before = figures(kernel)
        for command in ("cp /BIG.BIN /tmp/copy", "cat /tmp/copy > /tmp/copy2"):
            assert kernel.command(command) == ""
        after = figures(kernel)
        assert 16 * 1024 <= after["used_kib"] - before["used_kib"] <= 16 * 1024 + 200
        assert after["peak_kib"] - after["used_kib"] <= 64
        assert kernel.command("stat /tmp/copy2").split()[1] == str(8 * MIB)
        kernel.command("rm /tmp/copy /tmp/copy2")
        assert abs(figures(kernel)["used_kib"] - before["used_kib"]) <= 16
        assert kernel.halt() == 0


@pytest.mark.limit(120)
def test_hard_on_files():
    with boot(limit=60) as kernel:
        kernel.prompt()
        text = kernel.command("files; files /tmp; mkdir /tmp/d; files /tmp/d; rmdir /tmp/d; ls /tmp; echo code $?")
        assert text.count(" ok") == 15 and "FAILED" not in text and text.endswith("code 0\n"), text
        assert kernel.halt() == 0


@pytest.mark.limit(120)
def test_a_second_disk(tmp_path):
    """Mounted, in use, and unmounted; a disk can be mounted at one place only."""
    second = fat_image({"/docs/may.txt": "a letter\n"}, tmp_path / "second.img")
    with boot(disk2=second) as kernel:
        kernel.prompt()
        assert kernel.command("mount vdb /mnt; cat /mnt/docs/may.txt") == "a letter\n"
        assert "vdb on /mnt, fat32" in kernel.command("mount")
        assert "mnt/" in kernel.command("ls /")
        assert "mount: vdb: Device or resource busy" in kernel.command("mount vdb /again")
        assert "mount: vdc: No such file or directory" in kernel.command("mount vdc /again")
        assert "rmdir: /mnt: Device or resource busy" in kernel.command("rmdir /mnt")
        kernel.command("cp -r /mnt/docs /tmp")
        assert kernel.command("cat /tmp/docs/may.txt") == "a letter\n"
        assert "umount: /: Device or resource busy" in kernel.command("umount /")
        assert kernel.command("umount /mnt") == ""
        assert "No such file or directory" in kernel.command("ls /mnt")
        assert kernel.command("mount vdb /mnt; cat /mnt/docs/may.txt; umount /mnt") == "a letter\n"
        assert kernel.halt() == 0
