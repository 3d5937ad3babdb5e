"""User mode from outside: program files that are none, and programs that do what they must not."""
import os
import random

import pytest

from harness import boot, fat_image, host_build, host_run, machine

pytestmark = pytest.mark.chapter(12)


def test_program_files_on_the_host():
    program = host_build(["tests/12-usermode/elf_host.c", "kernel/usermode/elf.c", "kernel/boot/string.c"], "elf",
                         flags=("-fno-builtin",))
    assert host_run(program, "cases") == "0 failures\n"


@pytest.mark.parametrize("seed", range(3))
def test_program_files_fuzzed(seed):
    machine.build()
    program = host_build(["tests/12-usermode/elf_host.c", "kernel/usermode/elf.c", "kernel/boot/string.c"], "elf",
                         flags=("-fno-builtin",))
    assert "accepted" in host_run(program, "fuzz", "build/disk/exit0.elf", 10000, seed)


def mutated(data, seed, size=None):
    number = random.Random(seed)
    data = bytearray(data)
    for _ in range(number.randint(1, 5)):
        data[number.randrange(min(240, len(data)))] = number.randrange(256)
    return bytes(data[:size])


@pytest.mark.limit(180)
def test_broken_files_are_refused_or_run(tmp_path):
    """Truncated, mutated and empty files, and a folder: each gets an answer, and the monitor asks for the next."""
    folder = machine.build()
    with open(f"{folder}/disk/exit0.elf", "rb") as file:
        good = file.read()
    files = {f"/BAD{seed}.ELF": mutated(good, seed) for seed in range(40)}
    files |= {f"/CUT{size}.ELF": good[:size] for size in (0, 1, 63, 64, 200, 4095)}
    files["/GOOD.ELF"] = good
    files["/EMPTY/INSIDE"] = b"x"
    image = fat_image(files, tmp_path / "disk.img")
    with boot(cmdline="monitor", disk=image) as kernel:
        kernel.prompt()
        assert "ended with code 0" in kernel.command("run /GOOD.ELF")
        for name in files:
            answer = kernel.command(f"run {name}")
            assert "ended" in answer or "not an executable file" in answer or "not enough" in answer, answer
            if name.startswith("/CUT"):
                assert "not an executable file" in answer
        assert "ended with code 0" in kernel.command("run /GOOD.ELF")
        assert "is a folder" in kernel.command("run /EMPTY")
        assert "not found" in kernel.command("run /NONE.ELF")
        assert kernel.halt() == 0


def test_every_specimen_leaves_the_monitor_alive():
    with boot(cmdline="monitor") as kernel:
        kernel.prompt()
        names = kernel.command("user").split("specimens:")[1].split()
        assert len(names) > 10
        for name in names:
            assert "ended" in kernel.command(f"user {name}")
        assert kernel.halt() == 0


def test_trace_shows_calls():
    with boot(cmdline="monitor trace") as kernel:
        kernel.prompt()
        text = kernel.command("run /bin/HELLO.ELF")
        assert "write(1, 0x" in text and "Hello from Nikki!" in text
        assert kernel.halt() == 0
