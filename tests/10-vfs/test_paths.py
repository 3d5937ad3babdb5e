"""Paths on the host against a model that splits at slashes; the kernel without a usable disk."""
import random
import subprocess

import pytest

from harness import boot, fat_image, host_build

pytestmark = pytest.mark.chapter(10)

INVALID, TRAVERSAL, LIMIT = -10, -31, -45
SIZE = 1024


def model(base, path, fenced=False):
    """What becomes of a path, seen from a base, or with the base as its root."""
    if path == "":
        return INVALID, ""
    names = [] if (path.startswith("/") and not fenced) or base == "/" else base[1:].split("/")
    fence = len(names) if fenced else 0
    length = sum(len(name) + 1 for name in names)
    for name in path.split("/"):
        if name in ("", "."):
            continue
        if name == "..":
            if len(names) == fence:
                return TRAVERSAL, ""
            length -= len(names.pop()) + 1
        else:
            names.append(name)
            length += len(name) + 1
            if length + 1 > SIZE:
                return LIMIT, ""
    return 0, "/" + "/".join(names)


def random_paths(count, seed):
    chance = random.Random(seed)
    pieces = ["/", "/", "/", "..", "..", ".", "a", "b.c", "...", "name with spaces", "x" * 300, "~", "..a"]
    weights = [8, 8, 8, 4, 3, 4, 6, 4, 1, 2, 1, 2, 1]
    for _ in range(count):
        base = chance.choice(["/", "/", "/a", "/a/b", "/x/y/z", "/" + "d" * 500])
        yield base, "".join(chance.choices(pieces, weights, k=chance.randrange(0, 24)))


def test_100000_random_paths_agree_with_the_model():
    program = host_build(["tests/10-vfs/paths_host.c", "tests/host/host.c", "kernel/vfs/path.c"], "paths",
                         flags=("-iquote", "tests/host"))
    cases = list(random_paths(100_000, 10))
    text = "".join(f"{base}\t{path}\n" for base, path in cases)
    result = subprocess.run([program], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout[-1000:] + result.stderr[-3000:]
    lines = result.stdout.split("\n")
    seen = set()
    for number, (base, path) in enumerate(cases):
        for fenced in (False, True):
            status, plain = lines[2 * number + fenced].split(" ", 1)
            assert (int(status), plain) == model(base, path, fenced), (base, path, fenced)
            seen.add(int(status))
    assert seen == {0, INVALID, TRAVERSAL, LIMIT}


def test_a_disk_that_is_no_fat32(tmp_path):
    """The kernel says so, and its monitor works."""
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(1 << 20))
    with boot(upto="10", disk=disk) as kernel:
        kernel.prompt()
        assert "ls: /: not found" in kernel.command("ls /")
        assert kernel.command("mount").strip() == "memory on /tmp, tmpfs"
        assert "no boot sector" in kernel.command("fat vda")
        assert kernel.halt() == 0


def test_older_fat_is_refused_with_a_message(tmp_path):
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(4 << 20))
    subprocess.run(["/usr/sbin/mkfs.fat", "-F", "12", disk], check=True, capture_output=True)
    with boot(upto="10", disk=disk) as kernel:
        kernel.prompt()
        assert "only FAT32 is supported" in kernel.command("fat vda")
        assert kernel.halt() == 0


def test_deep_folders_and_aliases(tmp_path):
    """With the least memory that Nikki promises to run in."""
    line = b"all work and no play makes a dull kernel, it is said.\n"
    disk = fat_image({"/deep/er/long file name.text": line * 3}, tmp_path / "disk.img")
    with boot(upto="10", disk=disk, mem=64) as kernel:
        kernel.prompt()
        assert kernel.command("cat '/deep/er/long file name.text'").count("no play") == 3 or \
            kernel.command("cat /deep/er/longfi~1.tex").count("no play") == 3
        assert "er/" in kernel.command("ls /deep")
        assert kernel.halt() == 0
