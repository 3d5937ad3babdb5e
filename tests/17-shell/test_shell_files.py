"""Files from outside: memory stays flat however large a file is; a program that is hard on files; a second disk."""
import os
import random
import subprocess

import pytest

from harness import boot, fat_image

pytestmark = pytest.mark.chapter(17)

MIB = 1 << 20


def disk_with(extra, path):
    """The disk's own programs and these files."""
    own = {f"/{name}.ELF": open(f"build/disk/{name.lower()}.elf", "rb").read() for name in ("INIT", "SHELL")}
    own |= {"/bin/FILES.ELF": open("build/disk/files.elf", "rb").read()}
    return fat_image(own | extra, path)


def mtools(*command):
    """What one of the mtools prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env=os.environ | {"MTOOLS_SKIP_CHECK": "1"}).stdout


def figures(kernel):
    """What the kernel tells of its memory and of the cache of blocks."""
    lines = [line.split() for line in kernel.command("cat /proc/meminfo /proc/cache").splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}


def used(kernel):
    """KiB in use, without what is only lent to the cache of blocks."""
    now = figures(kernel)
    return now["used_kib"] - 4 * now["blocks"]


@pytest.mark.limit(180)
def test_copying_needs_a_small_buffer(tmp_path):
    """What a copy takes beside the copy itself does not depend on its size."""
    with boot() as kernel:  # makes the programs
        kernel.prompt()
        assert kernel.halt() == 0
    data = random.Random(17).randbytes(8 * MIB)
    with boot(disk=disk_with({"/BIG.BIN": data}, tmp_path / "disk.img"), limit=100) as kernel:
        kernel.prompt()
        kernel.command("cp /SHELL.ELF /x; cat /x > /tmp/x; rm /x /tmp/x; sync")  # all that is made once is made
        before = used(kernel)
        assert kernel.command("cp /BIG.BIN /COPY.BIN; cat /COPY.BIN > /COPY2.BIN; sync") == ""
        assert used(kernel) - before <= 200  # a byte of bookkeeping here and there
        for command in ("cp /COPY2.BIN /tmp/copy", "cat /tmp/copy > /tmp/copy2"):
            assert kernel.command(command) == ""
        assert 16 * 1024 <= used(kernel) - before <= 16 * 1024 + 300
        assert kernel.command("stat /tmp/copy2").split()[1] == str(8 * MIB)
        kernel.command("rm /tmp/copy /tmp/copy2")
        assert used(kernel) - before <= 200
        assert kernel.halt() == 0


@pytest.mark.limit(120)
def test_a_file_larger_than_memory(tmp_path):
    """Whatever is copied, memory never holds more than before and what the cache may borrow."""
    size, source = 80 * MIB, tmp_path / "source"
    source.write_bytes(random.Random(80).randbytes(size))
    second = fat_image({}, tmp_path / "second.img", 200, options=("-s", "4"))
    mtools("mcopy", "-i", second, source, "::/big")
    with boot(disk2=second, mem=64, limit=100) as kernel:
        kernel.prompt()
        kernel.command("mount vdb /mnt; echo one > /mnt/one; cat /mnt/one > /mnt/two; rm /mnt/one /mnt/two; sync")
        before = figures(kernel)
        assert size > 1024 * before["total_kib"] and before["limit"] < before["total_kib"] / 4 / 3
        assert kernel.command("cd /mnt; cat big > copy; sync; echo code $?; cd /") == "code 0\n"
        after = figures(kernel)
        assert after["evicted"] > 2 * size // 4096 - 2 * after["limit"]  # all of it went through the cache
        assert after["blocks"] <= before["limit"] == after["limit"]
        borrowed = 4 * (before["limit"] - before["blocks"])
        assert after["peak_kib"] - before["peak_kib"] <= borrowed + 100
        assert after["used_kib"] - 4 * after["blocks"] - before["used_kib"] + 4 * before["blocks"] <= 100
        assert kernel.halt() == 0
    mtools("mcopy", "-i", second, "::/copy", tmp_path / "copy")
    subprocess.run(["cmp", source, tmp_path / "copy"], check=True)
    subprocess.run(["/usr/sbin/fsck.fat", "-n", second], capture_output=True, check=True)


@pytest.mark.limit(180)
def test_hard_on_files(tmp_path):
    """In memory and on the disk, which other people's programs then find in order."""
    with boot() as kernel:
        kernel.prompt()
        assert kernel.halt() == 0
    disk = disk_with({"/HELLO.TXT": "hello\n"}, tmp_path / "disk.img")
    with boot(disk=disk, limit=60) as kernel:
        kernel.prompt()
        text = kernel.command("files; files /; mkdir /d; files /d; ls /tmp; echo code $?", limit=100)
        assert text.count(" ok") == 15 and "FAILED" not in text and text.endswith("code 0\n"), text
        kernel.command("mkdir -p '/d/a long name'; cp /HELLO.TXT '/d/a long name/Copy of it'; mv /HELLO.TXT /d/h; sync")
        kernel.command("echo more >> /d/h; rm -r /bin; touch /d/t; sync")
        assert kernel.halt() == 0
    assert subprocess.run(["/usr/sbin/fsck.fat", "-n", disk], capture_output=True, check=False).returncode == 0
    listing = mtools("mdir", "-i", disk, "-/", "-b", "::/").split("\n")
    assert sorted(filter(None, listing)) == sorted(
        ["::/INIT.ELF", "::/SHELL.ELF", "::/d/", "::/d/a long name/", "::/d/a long name/Copy of it", "::/d/h", "::/d/t"])
    assert mtools("mtype", "-i", disk, "::/d/h") == "hello\nmore\n"


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
