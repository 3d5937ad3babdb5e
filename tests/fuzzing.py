"""The fuzzers: what each is made of, and how it is built and run, with clang's libFuzzer or without it."""
import functools
import glob
from dataclasses import dataclass

from harness import FAT32, host_build, host_run


@dataclass
class Target:
    """Its sources, the folder of its inputs, and how many bytes one may have."""
    sources: list
    corpus: str
    longest: int


TARGETS = {
    "volume": Target(["tests/09-fat32/fuzz_volume.c", "tests/09-fat32/fuzz_disk.c", *FAT32], "tests/09-fat32/corpus/volume", 600),
    "folder": Target(["tests/09-fat32/fuzz_folder.c", "tests/09-fat32/fuzz_disk.c", *FAT32], "tests/09-fat32/corpus/folder", 1500),
    "path": Target(["tests/10-vfs/fuzz_path.c", "tests/host/host.c", "kernel/vfs/path.c"], "tests/10-vfs/corpus/path", 2200),
}
FLAGS = ("-iquote", "tests/host")


def build(name, overlay=()):
    """With libFuzzer."""
    return host_build(TARGETS[name].sources, f"fuzz-{name}", overlay=overlay, compiler="clang-14",
                      flags=(*FLAGS, "-fsanitize=fuzzer", "-fno-sanitize-coverage=trace-cmp"))


def corpus(name):
    return sorted(glob.glob(f"{TARGETS[name].corpus}/*"))


@functools.cache
def build_replay(name, overlay=()):
    """Without it, by gcc."""
    return host_build([*TARGETS[name].sources, "tests/host/replay.c"], f"replay-{name}", overlay=overlay, flags=FLAGS)


def replay(name, runs, seed=1, overlay=(), limit=60):
    """Tries the corpus, and as many inputs that are made from it by chance."""
    program = build_replay(name, overlay)
    return host_run(program, runs, seed, f"{program}-{seed}.input", *corpus(name), limit=limit)
