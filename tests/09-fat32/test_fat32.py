"""FAT32 on the host: images that mkfs.fat and mtools made, whole and damaged, read by the kernel's code."""
import os
import random
import struct
import subprocess

import pytest

from harness import FAT32, fat_image, host_build, host_run

pytestmark = pytest.mark.chapter(9)

SOURCES = ["tests/09-fat32/fat32_host.c", *FAT32]
OK, MALFORMED, NOT_FOUND, NOT_A_FOLDER, NOT_SUPPORTED = 0, -19, -20, -24, -41


def program(overlay=()):
    return host_build(SOURCES, "fat32", overlay=overlay, flags=("-iquote", "tests/host"))


def fnv(data):
    # In blocks, for Python's sake, the files of this test are small.
    result = 0xcbf29ce484222325
    for byte in data:
        result = (result ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return result


def tree(image, piece=4096, **environment):
    os.environ.update(environment)
    try:
        lines = host_run(program(), "tree", image, piece).splitlines()
    finally:
        for name in environment:
            del os.environ[name]
    found = {}
    for line in lines:
        kind, rest = line.split(" ", 1)
        if kind == "file":
            size, _, digest, path = rest.split(" ", 3)
            found[path] = int(size), int(digest, 16)
        elif kind == "folder":
            found[rest.split(" ", 3)[3] + "/"] = None
        elif kind in ("error", "mount"):
            found[kind] = rest
    return found


def expected(files):
    found = {}
    for path, data in files.items():
        data = data.encode() if isinstance(data, str) else data
        found[path] = len(data), fnv(data)
        parts = path.split("/")[1:-1]
        for depth in range(len(parts)):
            found["/" + "/".join(parts[:depth + 1]) + "/"] = None
    return found


# mtools can't write characters beyond U+FFFF; two others stand in their place, until the image is patched.
PAIR, STAND_IN = "/emoji \U0001f600 name", "/emoji \ue000\ue001 name"


def make_image(files, path, cluster=1, sector=512, megabytes=0):
    """An image of at least 65,525 clusters, which mtools insists on; it is a sparse file."""
    files = {path.replace(PAIR, STAND_IN): data for path, data in files.items()}
    megabytes = max(megabytes, (66500 * cluster * sector >> 20) + 4)
    fat_image(files, path, megabytes, options=("-S", str(sector), "-s", str(cluster)))
    if STAND_IN in files:
        with open(path, "r+b") as image:
            start = image.read(200 << 20 if cluster > 8 else 20 << 20)
            at = start.index("\ue000\ue001".encode("utf-16le"))
            image.seek(at)
            image.write("\U0001f600".encode("utf-16le"))
    return path


def some_files(seed=1):
    chance = random.Random(seed)
    files = {
        "/HELLO.TXT": "hello\n",
        "/EMPTY": b"",
        "/lower case and long.text": chance.randbytes(3000),
        "/Ünïcödé — 日記 — дневник.txt": "diary",
        PAIR: "astral",
        "/" + "n" * 200 + ".txt": chance.randbytes(513),
        "/exact": chance.randbytes(512 * 8),
        "/big.bin": chance.randbytes(70001),
    }
    folder = ""
    for depth in range(12):
        folder += f"/folder number {depth}"
        files[f"{folder}/file {depth}"] = chance.randbytes(depth * 100)
    for number in range(150):
        files[f"/many/item {number:03}"] = str(number)
    return files


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("fat32") / "disk.img"
    return make_image(some_files(), path)


@pytest.mark.parametrize("piece", [1000, 4096, 65536, 7])
def test_everything_is_read_back(image, piece):
    assert tree(image, piece) == expected(some_files())


# Every size of cluster that mkfs.fat makes, in sectors of 512 bytes and in those of the other sizes.
@pytest.mark.parametrize("cluster, sector", [(1 << power, 512) for power in range(8)] + [
    (1, 4096), (8, 4096), (32, 4096), (128, 4096), (4, 1024), (16, 2048), (64, 1024)])
def test_all_geometries(tmp_path, cluster, sector):
    files = some_files(cluster)
    image = make_image(files, tmp_path / "disk.img", cluster, sector)
    assert tree(image, 5000) == expected(files)


def test_large_sectors_of_the_device(tmp_path):
    image = make_image(some_files(), tmp_path / "disk.img")
    assert tree(image, 5000, SECTOR="4096") == expected(some_files())


def test_small_volumes_are_fine(tmp_path):
    """mkfs.fat -F 32 makes volumes with fewer clusters than the specification has for FAT32."""
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(1 << 20))
    subprocess.run(["/usr/sbin/mkfs.fat", "-F", "32", "-s", "1", path], check=True, capture_output=True)
    assert tree(path) == {}


def mtools(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, env=os.environ | {"MTOOLS_SKIP_CHECK": "1"}, **options)


def test_scattered_files(tmp_path):
    """A full disk from which every second small file is deleted, and a large file put into the holes."""
    path, chance = str(tmp_path / "disk.img"), random.Random(5)
    files = {f"/gap{number}": chance.randbytes(chance.randrange(1, 5000)) for number in range(100)}
    make_image(files, path)
    free = int(mtools("mdir", "-i", path, "::/", text=True).stdout.split("bytes free")[0].split("\n")[-1].replace(" ", ""))
    mtools("mcopy", "-i", path, "-", "::/filler", input=bytes(free - 4096))
    for name in list(files)[::2]:
        mtools("mdel", "-i", path, f"::{name}")
        del files[name]
    free = int(mtools("mdir", "-i", path, "::/", text=True).stdout.split("bytes free")[0].split("\n")[-1].replace(" ", ""))
    files["/scattered"] = chance.randbytes(free - 5000)
    mtools("mcopy", "-i", path, "-", "::/scattered", input=files["/scattered"])
    for piece in (3333, 200000):
        found = tree(path, piece)
        del found["/filler"]
        assert found == expected(files)
    assert runs_of(path, b"SCATTE~1") > 30


def runs_of(image, short):
    """In how many runs of neighbouring clusters a file lies."""
    fat, _ = geometry(image)
    data = open(image, "rb").read()
    _, cluster = entry_of(image, short)
    runs = 1
    while True:
        following = struct.unpack_from("<I", data, fat + 4 * cluster)[0] & 0xfffffff
        if following >= 0xffffff8:
            return runs
        runs += following != cluster + 1
        cluster = following


def test_names_without_case(image):
    paths = ["hello.txt", "Hello.TXT", "LOWER CASE AND LONG.TEXT", "lowerc~1.tex", "ünïcödé — 日記 — ДНЕВНИК.TXT",
             "many/ITEM 042", "hello.txt/x", "many/item 150", "EMOJI \U0001f600 NAME", "hello.txt ", "folder number 0/.."]
    lines = host_run(program(), "look", image, *paths).splitlines()
    status = [int(line.split()[0]) for line in lines]
    assert status == [OK] * 6 + [NOT_A_FOLDER, NOT_FOUND, OK, NOT_FOUND, NOT_FOUND]


@pytest.mark.parametrize("kind, megabytes", [("12", 4), ("16", 32)])
def test_older_formats_are_refused(tmp_path, kind, megabytes):
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(megabytes << 20))
    subprocess.run(["/usr/sbin/mkfs.fat", "-F", kind, path], check=True, capture_output=True)
    output = host_run(program(), "tree", path, 512)
    assert "only FAT32 is supported" in output and f"mount {NOT_SUPPORTED}" in output


@pytest.mark.parametrize("content", [b"", b"\xff" * 4096, b"\x00" * 4096, b"\xeb\x52\x90NTFS    " + bytes(5000)],
                         ids=["nothing", "ones", "zeros", "NTFS"])
def test_what_is_no_fat(tmp_path, content):
    path = tmp_path / "disk.img"
    path.write_bytes(content + bytes(max(0, 8192 - len(content))))
    assert f"mount {MALFORMED}" in host_run(program(), "tree", path, 512)


def spoil(image, tmp_path, changes):
    data = bytearray(open(image, "rb").read())
    for at, new in changes:
        data[at:at + len(new)] = new
    path = tmp_path / "spoilt.img"
    path.write_bytes(data)
    return path


def geometry(image):
    with open(image, "rb") as file:
        boot = file.read(512)
    reserved, = struct.unpack_from("<H", boot, 14)
    size, = struct.unpack_from("<I", boot, 36)
    return reserved * 512, (reserved + size * boot[16]) * 512


def entry_of(image, short):
    data = open(image, "rb").read()
    at = data.index(short)
    high, = struct.unpack_from("<H", data, at + 20)
    low, = struct.unpack_from("<H", data, at + 26)
    return at, high << 16 | low


@pytest.mark.parametrize("link", [2, 0, 1, 0x0ffffff7, 0x0ffffff0, 0x00100000], ids=hex)
def test_bad_links_hit_only_their_file(image, tmp_path, link):
    """The second link of a file leads back to its beginning, or nowhere; all the others are still read."""
    fat, _ = geometry(image)
    _, first = entry_of(image, b"BIG     BIN")
    link = first if link == 2 else link
    spoilt = spoil(image, tmp_path, [(fat + 4 * (first + 1), struct.pack("<I", link))])
    found, wanted = tree(spoilt), expected(some_files())
    del wanted["/big.bin"]
    assert found.pop("error") == f"{MALFORMED} /big.bin"
    assert found == wanted


def test_size_beyond_the_chain(image, tmp_path):
    at, _ = entry_of(image, b"BIG     BIN")
    spoilt = spoil(image, tmp_path, [(at + 28, struct.pack("<I", 0xffffffff))])
    assert tree(spoilt)["error"] == f"{MALFORMED} /big.bin"


def test_a_folder_that_is_a_ring(image, tmp_path):
    fat, _ = geometry(image)
    _, first = entry_of(image, b"MANY       ")
    spoilt = spoil(image, tmp_path, [(fat + 4 * first, struct.pack("<I", first))])
    found = tree(spoilt)
    assert found["error"] == f"{MALFORMED} /many" and "/HELLO.TXT" in found


def test_a_folder_that_goes_on_in_a_free_cluster(image, tmp_path):
    """It must not merely look shorter: nobody would miss what stood in the rest."""
    fat, _ = geometry(image)
    _, first = entry_of(image, b"MANY       ")
    spoilt = spoil(image, tmp_path, [(fat + 4 * first, struct.pack("<I", 0))])
    found = tree(spoilt)
    assert found["error"] == f"{MALFORMED} /many" and "/HELLO.TXT" in found


def test_random_damage(tmp_path):
    """No crash, no hang, nothing left behind: 600 images."""
    files = {path: data for path, data in some_files().items() if "folder number 3" not in path}
    image = make_image(files, tmp_path / "disk.img")
    for seed in (1, 2):
        output = host_run(program(), "fuzz", image, 300, seed, limit=120)
        assert "300 damaged images" in output


def test_every_read_fails_once(tmp_path):
    files = {"/A": "a" * 5000, "/b/C": "c" * 70000, "/b/D": b""}
    image = make_image(files, tmp_path / "disk.img")
    output = host_run(program(), "fail", image)
    assert int(output.split()[0]) > 10
