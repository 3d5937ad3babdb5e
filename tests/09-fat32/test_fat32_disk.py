"""FAT32 in the whole system, on a real disk: programs that are hard on it, and what other people's tools find afterwards."""
import os
import random
import re
import subprocess
from functools import partial

import pytest

from deeds import Deeds
from harness import boot, fat_image, host_run, user_program
from logwrites import Replay, log_options, read_log
from test_fat32_write import empty
from test_fat32_write import program as writer

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
@pytest.mark.parametrize("seed", [1, 7, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4, 5, 6))])
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


def crowd_run(tmp_path, overlay=()):
    disk = system_disk(tmp_path / "disk.img", [CROWD], {"/top/first": ""})
    with boot(overlay=overlay, disk=disk, limit=60) as kernel:
        kernel.prompt()
        text = kernel.command("crowd /top 1 30")
        assert text.endswith("safe 30\n0 of them ended badly\n") and text.count("\n") == 31, text
        assert kernel.halt() == 0
    assert fsck(disk) == ""
    found = tree_of(disk, "/top", tmp_path / "out")
    crowd_check(found, range(1, 31))
    assert len(found) > 50 and sum(path.endswith(".kept") for path in found) > 3


@pytest.mark.limit(120)
def test_a_crowd_in_one_folder(tmp_path):
    """Writers, a renamer and a remover in one folder, and writers that are killed in the midst of it."""
    crowd_run(tmp_path)


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


# --- The power goes at any moment -------------------------------------------------------------------------

# What the log is made of. Each part ends with a sync.
PARTS = [
    [("folder", "/dir"), ("folder", "/other"), ("make", "/a"), ("put", "/a", 0, 700, 1), ("make", "/B.TXT"),
     ("put", "/B.TXT", 0, 1500, 2)],
    [("make", "/dir/c"), ("put", "/dir/c", 0, 5000, 3), ("make", "/dir/" + "n" * 210)],
    [("put", "/a", 700, 9000, 4)],
    [("rename", "/a", "/dir/a longer name for it")],
    [("put", "/dir/c", 5000, 600, 5), ("rename", "/dir/c", "/B.TXT")],
    [("make", "/new"), ("put", "/new", 0, 1234, 6)],
    [("rename", "/new", "/B.TXT")],
    [("resize", "/dir/a longer name for it", 300), ("put", "/dir/a longer name for it", 300, 800, 7)],
    [("rename", "/dir", "/other/dir")],
    [("make", "/other/last"), ("put", "/other/last", 0, 900, 9)],
    [("rename", "/B.TXT", "/other/last")],
    [("remove", "/other/last"), ("make", "/after"), ("put", "/after", 0, 3000, 8)],
    [("rename", "/other/dir/" + "n" * 210, "/" + "m" * 200), ("remove", "/after")],
    [("folder", "/other/f"), ("rename", "/other/f", "/g"), ("remove-folder", "/g")],
]


def power_workload(seed):
    """Deeds, and at which line each part of them ends."""
    deeds, chance, ends = Deeds(), random.Random(seed), []
    for part in PARTS:
        for line in part:
            assert deeds.do(*line) >= 0, line
        deeds.do("sync")
        ends.append(len(deeds.lines))
    for _ in range(20):
        deeds.held = None  # each part is done by a program of its own
        deeds.random(chance, chance.randint(1, 4))
        deeds.do("sync")
        ends.append(len(deeds.lines))
    return deeds, ends


class Cut:
    """A disk as a loss of power leaves it, and between which states of the tree it may be."""

    def __init__(self, name, disk, deeds, begin, end, at_flush=False):
        self.name, self.disk, self.at_flush = name, disk, at_flush
        self.states = deeds.states[begin:end + 1] if end < len(deeds.states) else [*deeds.states[begin:], deeds.tree()]
        self.renames = [(old, new) for number, old, new in deeds.renames if begin <= number < end]

    def judge(self, found):
        """A tree must be one that the states allow: what is in all of them is there, each file is as long as in one of
        them and each of its bytes is from one, and of two names that a rename changes one is there."""
        paths = set(found).union(*self.states)
        for path in paths:
            self.judge_path(path, found)
        for old, new in self.renames:
            names = [name for name in (old, new, old + "/", new + "/") if name in paths]
            always = all(any(name in state for name in names) for state in self.states)
            assert not always or any(name in found for name in names), f"{self.name}: neither {old} nor {new} is there"

    def elsewhere(self, path):
        """A path's other names, by a rename of it or of a folder above it."""
        names = [path]
        for old, new in self.renames:
            names += [there + name[len(here):] for name in names for here, there in ((old, new), (new, old))
                      if name == here or name.startswith(here + "/")]
        return set(names)

    def judge_path(self, path, found):
        here = [state[path] for state in self.states if path in state]
        if path not in found:
            assert len(here) < len(self.states), f"{self.name}: {path} is not there"
            return
        allowed = [state[name] for state in self.states for name in self.elsewhere(path) if name in state]
        data = found[path]
        assert here or allowed, f"{self.name}: {path} was never there"
        if data is None:
            return
        sizes = {len(state) for state in allowed}
        assert len(data) in sizes, f"{self.name}: {path} has {len(data)} bytes, not {sizes}"
        for at, byte in enumerate(data):
            assert any(at < len(state) and state[at] == byte for state in allowed), f"{self.name}: byte {at} of {path} is {byte}"


# What fsck.fat may find before the repair: clusters that nobody leads to, chains longer than their files, a second name for
# a chain or a folder that knows its old parent, pieces of a name without the rest, copies of the table that differ.
HARMLESS = [re.compile(pattern) for pattern in (
    r"Reclaimed \d+ unused clusters? ", r"File size is \d+ bytes, cluster chain length is > ", r"share clusters\.$",
    r"Invalid '\.\.' entry", r"Orphaned long file name part ", r"FATs differ but appear to be intact", r"Dirty bit is set",
    r"Free cluster summary ", r"Truncating ", r"Auto-", r"Using first FAT", r"Automatically removing dirty bit", r"/", r"$",
    r"Warning: Filesystem is FAT32", r"but has only ", r"This may lead to ", r"fsck\.fat ", r"Leaving filesystem ")]
SHORTER = re.compile(r"File size is \d+ bytes, cluster chain length is \d")


def check_harmless(image, name):
    said = fsck(image)
    doubles = "share clusters" in said  # fsck.fat takes the chain from one of them, and misses it then
    for line in map(str.strip, said.splitlines()):
        assert any(pattern.match(line) for pattern in HARMLESS) or (doubles and SHORTER.match(line)), f"{name}:\n{said}"


def mend(images):
    """Has the kernel's own code mount each image, which repairs it; returns their trees."""
    output = host_run(writer(), "mend", *images)
    trees, found = [], {}
    for line in output.splitlines():
        if line.startswith("mended "):
            trees.append(found)
            found = {}
        elif line.startswith("/"):
            path, _, data = line.partition("\t")
            found[path] = None if path.endswith("/") else bytes.fromhex(data)
        else:
            assert ", 0 damaged" in line, line
    return trees


def record_workload(tmp_path, seed, overlay=()):
    """Does a workload on a disk with a log; returns the deeds, the disk's replay, and (entries, lines) after each part."""
    deeds, ends = power_workload(seed)
    disk = system_disk(tmp_path / "disk.img", [DEEDS], {"/SCRIPT": deeds.script()})
    small, log = empty(tmp_path / "small.img", 2 << 20, "-s", "1"), tmp_path / "log"
    start = tmp_path / "start.img"
    start.write_bytes(small.read_bytes())
    with boot(overlay=overlay, disk=disk, qemu_extra=log_options(small, log, "small"), limit=60) as kernel:
        kernel.prompt()
        assert kernel.command("mount vdb /mnt") == ""
        reached, begin = [(len(read_log(log)), 0)], 0
        for end in ends:
            do_deeds(kernel, deeds, "/mnt", "/SCRIPT", begin, end)
            reached.append((len(read_log(log)), end))
            begin = end
        assert kernel.halt() == 0
    return deeds, Replay(start, read_log(log)), reached, small


def cuts_of(deeds, replay, reached, chance):
    """A cut behind every entry of the log; before each flush and after each sync some that reorder what lies between."""
    part = 0
    for count in range(1, len(replay.entries) + 1):
        while part < len(reached) - 1 and reached[part][0] < count:
            part += 1
        end, begin = reached[part][1], reached[max(part - 1, 0)][1]
        returned = reached[part][0] <= count  # the sync that ends the part
        flush = replay.entries[count - 1].flush
        yield Cut(f"cut behind {count}", partial(replay.at, count), deeds, end if returned else begin, end, flush)
        if flush or returned:
            for _ in range(3):
                seed = chance.randrange(1 << 30)
                yield Cut(f"reordered up to {count}, seed {seed}",
                          lambda count=count - flush, seed=seed: replay.reordered(count, random.Random(seed)), deeds,
                          begin if flush or not returned else end, end)


def judge_cuts(cuts, folder):
    """Each disk must be harmless, hold what it should once it is repaired, and be in order then."""
    for first in range(0, len(cuts), 25):
        some = cuts[first:first + 25]
        paths = [folder / f"cut{number}" for number in range(len(some))]
        for cut, path in zip(some, paths, strict=True):
            path.write_bytes(cut.disk())
            check_harmless(path, cut.name)
        for cut, path, tree in zip(some, paths, mend(paths), strict=True):
            cut.judge(tree)
            assert fsck(path) == "", cut.name


def judge_in_nikki(cuts, folder):
    """A few of the disks, mounted by the whole system, and looked at from outside after it went off."""
    paths, extra = [], ""
    for number, cut in enumerate(cuts):
        paths.append(folder / f"nikki{number}")
        paths[-1].write_bytes(cut.disk())
        extra += f"-drive file={paths[-1]},format=raw,if=none,id=cut{number} -device virtio-blk-pci,drive=cut{number} "
    with boot(qemu_extra=extra) as kernel:
        kernel.prompt()
        for number in range(len(cuts)):
            said = kernel.command(f"mount vd{'bcdefghij'[number]} /cut{number}")
            assert said == "" or ", 0 damaged" in said, said
        assert kernel.halt() == 0
    for cut, path in zip(cuts, paths, strict=True):
        assert fsck(path) == "", cut.name
    for cut, tree in zip(cuts, mend(paths), strict=True):
        cut.judge(tree)


@pytest.mark.limit(300)
@pytest.mark.parametrize("seed, most", [(1, 200), *(pytest.param(seed, 10000, marks=pytest.mark.slow) for seed in range(2, 6))])
def test_power_cuts_on_a_disk_with_a_log(tmp_path, seed, most):
    """The disk as it was behind each flush and at other moments of a workload, as QEMU's log of it tells."""
    deeds, replay, reached, small = record_workload(tmp_path, seed)
    assert bytes(replay.at(len(replay.entries))) == small.read_bytes() and fsck(small) == ""
    chance = random.Random(seed)
    cuts = list(cuts_of(deeds, replay, reached, chance))
    at_flushes = [cut for cut in cuts if cut.at_flush]
    others = [cut for cut in cuts if not cut.at_flush]
    assert len(at_flushes) > 50 and len(others) > 300
    judge_cuts(at_flushes + chance.sample(others, min(most - len(at_flushes), len(others))), tmp_path)
    judge_in_nikki(chance.sample(cuts, 6), tmp_path)


@pytest.mark.slow
@pytest.mark.limit(300)
@pytest.mark.parametrize("overlay", ["forgets-a-flush", "frees-too-early", "old-name-first"])
def test_the_log_shows_planted_bugs(tmp_path, overlay):
    deeds, replay, reached, _ = record_workload(tmp_path, 1, f"tests/09-fat32/{overlay}.nw")
    with pytest.raises(AssertionError, match="cut behind|reordered"):
        judge_cuts(list(cuts_of(deeds, replay, reached, random.Random(1))), tmp_path)


@pytest.mark.slow
@pytest.mark.limit(120)
def test_the_crowd_shows_a_planted_bug(tmp_path):
    with pytest.raises(AssertionError, match="crowd|lost|unused"):
        crowd_run(tmp_path, "tests/09-fat32/frees-what-is-open.nw")


# --- A disk that fails ------------------------------------------------------------------------------------

BEFORE = 2  # so many lines are done while the disk is still good
FAILING = [("make", "/old"), ("put", "/old", 0, 30000, 9),
           ("make", "/a"), ("put", "/a", 0, 9000, 1), ("folder", "/dir"), ("make", "/dir/b"), ("put", "/dir/b", 0, 700, 2),
           ("sync",), ("sum", "/old", 0, 40000), ("rename", "/a", "/dir/a longer name"), ("put", "/dir/b", 700, 5000, 3),
           ("sync",), ("make", "/c"), ("put", "/c", 0, 1200, 4), ("sync",), ("rename", "/c", "/dir/b"), ("folder", "/other"),
           ("sync",), ("rename", "/dir", "/other/dir"), ("resize", "/other/dir/a longer name", 300), ("sync",),
           ("put", "/other/dir/a longer name", 300, 20000, 5), ("remove", "/old"), ("sync",), ("sum", "/other/dir/b", 0, 40000)]


def failing_disk(image, name, event, number, rules):
    """A disk whose request with this number since the machine went on fails, and for writes the next one, too."""
    numbers = (number, number + 1) if event == "write_aio" else (number,)
    with open(rules, "w", encoding="ascii") as stream:
        for state in range(1, numbers[-1] + 1):
            stream.write(f'[set-state]\nevent = "{event}"\nstate = "{state}"\nnew_state = "{state + 1}"\n')
        for state in numbers:
            stream.write(f'[inject-error]\nevent = "{event}"\nstate = "{state}"\nerrno = "5"\nonce = "on"\n')
    return (f"-drive driver=raw,file.driver=blkdebug,file.config={rules},file.image.driver=file,file.image.filename={image},"
            f"if=none,id={name},werror=report,rerror=report -device virtio-blk-pci,drive={name} ")


def until_well(kernel, command):
    """Types a command until it has nothing to complain of; returns how often it had."""
    for tries in range(4):
        said = kernel.command(command)
        if said == "":
            return tries
        assert "I/O error" in said, said
    raise AssertionError(said)


def requests_that_fail():
    """Which request of which kind, as many as disks fit into a machine. The firmware has looked at each disk before us, with one read."""
    every = [(event, number) for event, last in (("write_aio", 44), ("flush_to_disk", 20), ("read_aio", 6))
             for number in range(2 if event == "read_aio" else 1, last + 1)]
    for first in range(0, len(every), 23):
        yield every[first:first + 23]


@pytest.mark.limit(120)
@pytest.mark.parametrize("requests", requests_that_fail())
def test_a_transfer_fails_and_is_tried_again(tmp_path, requests):
    """Of each of many disks one request fails: whoever is told tries again, and then all is as if nothing had been."""
    deeds = Deeds()
    for line in FAILING:
        deeds.do(*line)
    disk = system_disk(tmp_path / "disk.img", [DEEDS], {"/SCRIPT": deeds.script()})
    good = empty(tmp_path / "good.img", 2 << 20, "-s", "1")
    with boot(disk=disk, disk2=good) as kernel:
        kernel.prompt()
        assert kernel.command("mount vdb /mnt") == ""
        do_deeds(kernel, deeds, "/mnt", "/SCRIPT", 0, BEFORE)
        assert kernel.halt() == 0
    images, extra = [], ""
    for place, (event, number) in enumerate(requests):
        images.append(tmp_path / f"bad{place}")
        images[-1].write_bytes(good.read_bytes())
        extra += failing_disk(images[-1], f"bad{place}", event, number, tmp_path / f"rules{place}")
    untold = []
    with boot(disk=disk, qemu_extra=extra, limit=60) as kernel:
        kernel.prompt()
        for place, request in enumerate(requests):
            told = do_on_failing_disk(kernel, deeds, f"vd{chr(ord('b') + place)}")
            untold += [request] if told == 0 else []
        assert kernel.halt() == 0
    # What is read ahead or written behind somebody's back fails silently: it is done again when somebody wants it.
    assert all(event != "flush_to_disk" for event, _ in untold) and len(untold) <= 5, untold
    for image in images:
        assert fsck(image) == ""
    for tree in mend(images):
        compare(tree, deeds.tree())


def do_on_failing_disk(kernel, deeds, name):
    """Mounts, works, unmounts, each until it succeeds; returns how often it had to be tried again."""
    told = until_well(kernel, f"mount {name} /{name}")
    lines = kernel.command(f"deeds /{name} /SCRIPT {BEFORE} {len(deeds.lines)} retry").split("\n")[:-1]
    again = [line for line in lines if line.endswith(" again")]
    wanted = [f"{line} {result}" for line, result in enumerate(deeds.results)][BEFORE:]
    assert [line for line in lines if line not in again] == wanted, name
    told += len(again) + until_well(kernel, f"umount /{name}")
    known = re.search(rf"disk {name} .* errors (\d+)", kernel.command("cat /proc/blk"))
    assert int(known[1]) > 0, f"on {name} nothing has failed"
    return told
