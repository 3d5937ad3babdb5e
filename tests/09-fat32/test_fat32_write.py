"""FAT32 on the host: writing, beside a model; power cuts, failing disks and full ones; what others read of it."""
import os
import subprocess
import tempfile

import pytest

from harness import FAT32, host_build, host_run
from test_fat32 import fnv, tree

pytestmark = pytest.mark.chapter(9)


def program(overlay=()):
    return host_build(["tests/09-fat32/write_host.c", *FAT32], "fat32-write", overlay=overlay,
                      flags=("-iquote", "tests/host"))


def empty(path, size=1 << 20, *options):
    path.write_bytes(b"")
    os.truncate(path, size)
    subprocess.run(["/usr/sbin/mkfs.fat", "-F", "32", "--invariant", *options, path], check=True, capture_output=True)
    return path


def fsck(path):
    result = subprocess.run(["/usr/sbin/fsck.fat", "-n", path], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("seed, megabytes, operations, options", [
    (1, 8, 100000, ("-s", "1")), (2, 8, 20000, ("-s", "8")), (3, 64, 10000, ("-s", "128")),
    (4, 1, 20000, ("-s", "1", "-f", "1")), (5, 16, 10000, ("-S", "4096", "-s", "1")),
    (6, 16, 10000, ("-S", "1024", "-s", "4", "-R", "40")), (7, 1, 20000, ("-s", "1")),
    (10, 512, 2000, ("-S", "4096", "-s", "128")), (12, 64, 10000, ("-S", "2048", "-s", "16"))])
def test_beside_a_model(tmp_path, seed, megabytes, operations, options):
    image = empty(tmp_path / "disk.img", megabytes << 20, *options)
    assert "operations" in host_run(program(), "model", image, seed, operations, limit=120)
    fsck(image)


def test_beside_a_model_on_large_sectors(tmp_path, monkeypatch):
    monkeypatch.setenv("SECTOR", "4096")
    image = empty(tmp_path / "disk.img", 16 << 20, "-S", "4096", "-s", "2")
    host_run(program(), "model", image, 8, 10000, limit=120)
    fsck(image)


def test_one_table_of_two(tmp_path):
    """The second table is in use, and the first is left alone."""
    image = empty(tmp_path / "disk.img", 4 << 20, "-s", "1")
    data = bytearray(image.read_bytes())
    data[40] = 0x81
    image.write_bytes(data)
    size, reserved = int.from_bytes(data[36:40], "little") * 512, int.from_bytes(data[14:16], "little") * 512
    host_run(program(), "model", image, 9, 5000)
    after = image.read_bytes()
    assert after[reserved:reserved + size] == data[reserved:reserved + size]
    assert after[reserved + size:reserved + 2 * size] != data[reserved + size:reserved + 2 * size]


@pytest.mark.parametrize("first", range(4))
def test_power_cuts(tmp_path, first):
    """Every 20th pair of operations, at four starts; `write_host cut IMAGE SCRATCH 0 1` runs all."""
    image = empty(tmp_path / "disk.img", 1 << 20, "-s", "1")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        output = host_run(program(), "cut", image, f"{memory}/cut.img", first * 5, 20, limit=300)
    assert int(output.split()[-2]) > 500


# What shows a planted bug: what the model says, or a pair of operations, as write_host numbers them, with cuts.
@pytest.mark.slow
@pytest.mark.parametrize("overlay, seen", [
    ("free-ends-a-chain", "write: -19"), ("forgets-a-flush", (0, 0)), ("frees-too-early", (1, 22)),
    ("old-name-first", (14, 20)), ("drops-any-double", (17, 20))])
def test_planted_bugs_are_seen(tmp_path, overlay, seen):
    image = empty(tmp_path / "disk.img", 1 << 20, "-s", "1")
    mode, *arguments = ["model", 1, 20000] if isinstance(seen, str) else [
        "cut", tmp_path / "scratch.img", seen[0] * 26 + seen[1], 1000]
    with pytest.raises(AssertionError, match=seen if isinstance(seen, str) else "after a cut"):
        host_run(program(f"tests/09-fat32/{overlay}.nw"), mode, image, *arguments)


def test_many_empty_files_after_a_cut(tmp_path):
    """The search for twins ends, and the volume is mounted, where more empty files were renamed than it compares."""
    image = empty(tmp_path / "disk.img", 64 << 20, "-s", "128")
    data = bytearray(image.read_bytes())
    reserved, fat = int.from_bytes(data[14:16], "little") * 512, int.from_bytes(data[36:40], "little") * 512
    root = reserved + data[16] * fat
    for i in range(2000):
        data[root + 32 * i:root + 32 * i + 14] = b"E%07d   \x20\0\1" % i
    for copy in range(data[16]):
        data[reserved + copy * fat + 7] &= ~0x08  # not clean
    image.write_bytes(data)
    assert "operations" in host_run(program(), "model", image, 1, 1)
    fsck(image)


def test_failing_transfers(tmp_path):
    image = empty(tmp_path / "disk.img", 1 << 20, "-s", "1")
    output = host_run(program(), "fail", image, tmp_path / "scratch.img", limit=200)
    assert int(output.split()[0]) > 100


def test_full_disk(tmp_path):
    image = empty(tmp_path / "disk.img", 1 << 20, "-s", "1")
    output = host_run(program(), "full", image, tmp_path / "scratch.img", limit=200)
    assert int(output.split()[0]) > 10


def test_others_read_what_we_write(tmp_path):
    """mtools finds as many files, with the same bytes; it needs more than 65,525 clusters."""
    image = empty(tmp_path / "disk.img", 64 << 20, "-s", "1")
    host_run(program(), "model", image, 11, 3000)
    ours = sorted(found for found in tree(image).values() if found is not None)
    (tmp_path / "out").mkdir()
    subprocess.run(["mcopy", "-s", "-n", "-i", image, "::/*", tmp_path / "out"], check=True, capture_output=True,
                   env=os.environ | {"MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"})
    theirs = sorted((path.stat().st_size, fnv(path.read_bytes()))
                    for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert len(ours) > 20 and theirs == ours
