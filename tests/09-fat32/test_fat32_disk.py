"""FAT32 in the whole system, on a real disk: programs that are hard on it, and what other people's tools find afterwards."""
import os
import random
import subprocess

import pytest

from deeds import Deeds
from harness import boot, fat_image, user_program

pytestmark = [pytest.mark.chapter(9), pytest.mark.since(17)]

DEEDS = "tests/09-fat32/deeds.c"


def system_disk(path, programs=(), files=None):
    """A disk that boots, with these programs of the tests in /bin."""
    own = {f"/{name}.ELF": f"build/disk/{name.lower()}.elf" for name in ("INIT", "SHELL")}
    own |= {f"/bin/{os.path.basename(source)[:-2].upper()}.ELF": user_program(source) for source in programs}
    own = {place: open(program, "rb").read() for place, program in own.items()}
    return fat_image(own | (files or {}), path)


def mtools(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env=os.environ | {"MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8"}).stdout


def fsck(image):
    """What fsck.fat has to complain of; empty: nothing."""
    done = subprocess.run(["/usr/sbin/fsck.fat", "-n", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return "" if done.returncode == 0 else done.stdout


def tree_of(image, folder, scratch):
    """{path: bytes, path + "/": None}, as mtools finds it below a folder."""
    scratch.mkdir()
    mtools("mcopy", "-s", "-n", "-i", image, f"::{folder}", scratch)
    top = os.path.join(scratch, os.path.basename(folder))
    found = {}
    for path, folders, files in os.walk(top):
        here = path[len(top):]
        found |= {f"{here}/{name}/": None for name in folders}
        found |= {f"{here}/{name}": open(os.path.join(path, name), "rb").read() for name in files}
    return found


def compare(found, wanted):
    """Two trees must be the same; what is said of a difference is short."""
    assert sorted(found) == sorted(wanted)
    for path, data in wanted.items():
        assert found[path] == data, f"{path}: {len(found[path])} bytes, wanted {len(data)}"


def do_deeds(kernel, deeds, folder, script, begin=0, end=None):
    """Has lines done and compares what came of each."""
    end = len(deeds.lines) if end is None else end
    done = kernel.command(f"deeds {folder} {script} {begin} {end}").split("\n")
    for number in range(begin, end):
        line = done[number - begin]
        assert line == f"{number} {deeds.results[number]}", f"{deeds.lines[number]}: {line}, not {deeds.results[number]}"


@pytest.mark.limit(120)
@pytest.mark.parametrize("seed", [1])
def test_1000_random_deeds(tmp_path, seed):
    """A thousand operations through all layers, each result as the model has it, and the same tree and bytes afterwards."""
    deeds = Deeds()
    deeds.random(random.Random(seed), 1000)
    disk = system_disk(tmp_path / "disk.img", [DEEDS], {"/top/first": "", "/SCRIPT": deeds.script()})
    with boot(disk=disk, limit=60) as kernel:
        kernel.prompt()
        kernel.command("rm /top/first")
        do_deeds(kernel, deeds, "/top", "/SCRIPT")
        assert kernel.halt() == 0
    assert fsck(disk) == ""
    compare(tree_of(disk, "/top", tmp_path / "out"), deeds.tree())


CROWD = "tests/09-fat32/crowd.c"


def line_of(writer, number, k):
    """As crowd.c has it."""
    return f"{writer}-{number} line {k}" + ".".rjust(number * k * 37 % 1200 + 1) + "\n"


def crowd_check(found, safe):
    """What a crowd may leave: beginnings of files, whole files, and each file that it has called safe."""
    assert set(found) >= {f"/safe/{number}" for number in safe}
    for path, data in found.items():
        folder, _, name = path.strip("/").rpartition("/")
        if folder == "safe":
            # One more may be there than we were told of, and perhaps nothing of it.
            assert data == f"safe {name}\n".encode() or int(name) not in safe, path
        elif folder == "crowd" and data is not None:
            if name == "latest":
                name = data.split(b" ")[0].decode() + ".kept"
            stem, _, stage = name.partition(".")
            writer, number = map(int, stem.split("-"))
            whole = "".join(line_of(writer, number, k) for k in range(number * 7 % 40 + 2)).encode()
            assert stage in ("part", "whole", "kept"), path
            assert whole.startswith(data) if stage == "part" else data == whole, f"{path}: {len(data)} of {len(whole)} bytes"


@pytest.mark.limit(120)
def test_a_crowd_in_one_folder(tmp_path):
    """Writers, a renamer and a remover in one folder, and writers that are killed in the midst of it."""
    disk = system_disk(tmp_path / "disk.img", [CROWD], {"/top/first": ""})
    with boot(disk=disk, limit=60) as kernel:
        kernel.prompt()
        text = kernel.command("crowd /top 1 30")
        assert text.endswith("safe 30\n0 of them ended badly\n") and text.count("\n") == 31, text
        assert kernel.halt() == 0
    assert fsck(disk) == ""
    found = tree_of(disk, "/top", tmp_path / "out")
    crowd_check(found, range(1, 31))
    assert len(found) > 60 and sum(path.endswith(".kept") for path in found) > 5


@pytest.mark.limit(120)
def test_a_crowd_loses_its_power(tmp_path):
    """The same, and the machine goes off in the midst of it, three times; the next mount puts all in order."""
    disk = system_disk(tmp_path / "disk.img", [CROWD], {"/top/first": ""})
    safe = []
    for first, last in ((1, 4), (101, 109), (201, 202), (0, 0)):
        with boot(disk=disk, limit=60) as kernel:
            mounted = kernel.prompt()
            if last > 0:
                kernel.send(f"crowd /top {first} 1000\r")
                kernel.expect(rf"safe {last}\r*\n")
                safe += range(first, last + 1)
            else:
                assert kernel.halt() == 0
        assert "vda was not finished" in mounted or first == 1, mounted
    assert fsck(disk) == ""
    crowd_check(tree_of(disk, "/top", tmp_path / "out"), safe)
