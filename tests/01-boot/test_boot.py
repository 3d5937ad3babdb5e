"""Booting, from outside: loaders, firmwares, processors and devices that are or are not there."""
import re
import subprocess

import pytest

from bare import Bare
from harness import PANIC, PASSED, boot, host_build, host_run, machine, run_batch

pytestmark = pytest.mark.chapter(1)

FOUND = "tests/01-boot/shows-what-it-found.nw"


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_modules_and_command_line_arrive(firmware, tmp_path):
    """GRUB's command line and modules reach the kernel under both firmwares; only a BIOS leaves a text screen."""
    (tmp_path / "poem").write_text("an old silent pond")
    (tmp_path / "frog").write_text("splash")
    folder = machine.build("01", FOUND, ("kernel", "iso"))
    batch = run_batch(folder, 60, boot="iso", firmware=firmware, cmdline="seed=7 colour=green",
                      modules=f"{tmp_path}/poem:poem {tmp_path}/frog:frog")
    assert batch.status == PASSED, batch.tail()
    assert "command line: seed=7 colour=green\n" in batch.output
    assert "module: poem, 18 bytes: an old silent pond\n" in batch.output
    assert "module: frog, 6 bytes: splash\n" in batch.output
    assert ("screen: text\n" in batch.output) == (firmware == "bios")
    assert batch.output.count(": RAM\n") >= 2


def test_pvh_brings_the_same(tmp_path):
    """QEMU's own loader brings command line, memory map and one module."""
    (tmp_path / "poem").write_text("a frog jumps in")
    folder = machine.build("01", FOUND)
    batch = run_batch(folder, 30, boot="kernel", cmdline="seed=7", modules=f"{tmp_path}/poem:poem")
    assert batch.status == PASSED, batch.tail()
    assert "command line: seed=7 module=poem\n" in batch.output
    assert "module: poem, 15 bytes: a frog jumps in\n" in batch.output


def test_tags_are_aligned(tmp_path):
    """The planted bug of reading tags without their alignment is seen."""
    (tmp_path / "poem").write_text("an old silent pond")
    folder = machine.build("01", [FOUND, "tests/01-boot/unaligned-tags.nw"], ("kernel", "iso"))
    batch = run_batch(folder, 20, boot="iso", cmdline="seed=77", modules=f"{tmp_path}/poem:poem")
    assert "module: poem, 18 bytes: an old silent pond\n" not in batch.output


def test_the_header_is_found():
    """GRUB's own tool recognises the kernel, and not the one whose header does not sum to zero."""
    def recognised(folder):
        return subprocess.run(["grub-file", "--is-x86-multiboot2", f"{folder}/kernel.elf"], check=False).returncode == 0
    assert recognised(machine.build("01"))
    assert not recognised(machine.build("01", "tests/01-boot/forgets-checksum.nw"))


@pytest.mark.parametrize("way", ["iso", "kernel"])
def test_a_foreign_loader_gets_a_message(way):
    folder = machine.build("01", "tests/01-boot/foreign-loader.nw", ("kernel", "iso"))
    batch = run_batch(folder, 20, boot=way)
    assert "Nikki: not loaded by multiboot2" in batch.output
    assert batch.status == PANIC


@pytest.mark.parametrize("cpu", ["qemu32", "qemu64,-lm"])
def test_a_processor_without_long_mode_gets_a_message(cpu):
    """The message stands on the screen as well, and without QEMU's exit device the machine halts."""
    folder = machine.build("01")
    batch = run_batch(folder, 20, boot="kernel", qemu_extra=f"-cpu {cpu}")
    assert "Nikki: this processor has no long mode" in batch.output
    assert batch.status == PANIC
    with Bare(folder, "-cpu", cpu, "-serial", "none") as bare:
        bare.wait_for(bare.is_halted, "the processor halts")
        assert "Nikki: this processor has no long mode" in bare.screen()


def test_without_serial_line_and_exit_device():
    """The screen has it all, and the machine halts when power can't be switched off."""
    folder = machine.build("01", "tests/01-boot/nested-panic.nw")
    with Bare(folder, "-serial", "none") as bare:
        bare.wait_for(bare.is_halted, "the processor halts")
        screen = bare.screen()
    assert "panic: " in screen and "how we came here:" in screen
    assert "SeaBIOS" not in screen


def test_the_screen_scrolls():
    """After more than 25 lines the last ones stand on the screen, in order, and the cursor below them."""
    folder = machine.build("01", ["tests/01-boot/nested-panic.nw", FOUND])
    with Bare(folder, "-append", "word " * 150) as bare:
        bare.wait_for(bare.is_halted, "the processor halts")
        written = bare.serial().rstrip().split("\n")
        shown = bare.screen().rstrip().split("\n")
    assert written[0].startswith("Nikki") and "Nikki" not in shown[0]
    assert shown[-5:] == written[-5:]


def test_backtrace_names_the_calls():
    """Each line of a backtrace points at the very line on which the function above it is called."""
    folder = machine.build("01", "tests/01-boot/nested-panic.nw")
    batch = run_batch(folder, 20, boot="kernel")
    assert batch.status == PANIC
    trace = re.findall(r"^  (\w+) at ([\w/.-]+):(\d+)$", batch.output.split("how we came here:")[1], re.MULTILINE)
    assert [name for name, _, _ in trace] == ["cellar", "stairs", "house", "kernel_main", "boot_high"]
    called = ["ASSERT(", "cellar(", "stairs(", "house(", "call kernel_main"]
    for (name, path, line), call in zip(trace, called):
        with open(path, encoding="utf-8") as stream:
            text = stream.read().split("\n")[int(line) - 1]
        assert call in text, f"{name} at {path}:{line} is: {text}"


def test_verdicts_reach_the_host():
    """0 for passed, 1 for a failed test, 2 for a panic; an unknown test is a failure."""
    assert run_batch(machine.build("01"), 20, boot="kernel", cmdline="selftest=boot").status == PASSED
    assert run_batch(machine.build("01"), 20, boot="kernel", cmdline="selftest=bot").status == 1
    failing = run_batch(machine.build("01", "tests/01-boot/unlucky-sum.nw"), 20, boot="kernel", cmdline="selftest=boot.sum")
    assert failing.status == 1
    assert set(failing.tap.failed) == {"boot.sum"}
    assert "1 + 1 == 3: got 2, wanted 3" in failing.output


def test_tests_are_chosen_by_name():
    batch = run_batch(machine.build("01"), 20, boot="kernel", cmdline="selftest=boot.status_text,boot.printf_text")
    assert sorted(batch.tap.passed) == ["boot.printf_text", "boot.status_text"]
    assert "1..2\n" in batch.output


def test_printf_against_the_c_library():
    """100,000 random directives print what the C library prints."""
    program = host_build(["kernel/boot/printf.c", "tests/01-boot/printf_model.c"], "printf-model", upto="01",
                         flags=("-Wno-format", "-Wno-format-security", "-Wno-format-zero-length"))
    assert "100000 directives" in host_run(program)


def test_boot_information_that_does_not_fit():
    """Too many modules and regions, and texts that are too long, are cut without harm."""
    program = host_build(["kernel/boot/bootinfo.c", "kernel/boot/pvh.c", "tests/01-boot/bootinfo_limits.c"],
                         "bootinfo-limits", upto="01")
    assert "all within limits" in host_run(program)
