"""Typing, from outside: on the serial line and on QEMU's keyboard."""
import pytest

from bare import Bare
from harness import boot, host_build, host_run, machine

pytestmark = pytest.mark.chapter(3)

ECHO = "tests/03-interrupts/echo.nw"
READY = "type, and end with a full stop:"


def typed(text):
    return " ".join(f"{ord(c):x}" for c in text)


def test_the_serial_line_takes_input():
    """Every character arrives, in order: a first few, and then more at once than the line's own queue holds."""
    with boot(upto="03", overlay=ECHO, cmdline="selftest=boot.status_text") as kernel:
        kernel.expect(READY)
        kernel.send("hello")
        kernel.expect(" " + typed("hello"))
        text = "0123456789 abcdefghijklmnopqrstuvwxyz " * 5
        kernel.send(text)
        kernel.expect(" " + typed(text), limit=20)
        kernel.send("\x1b[A\x7f\r.")
        kernel.expect(typed("\x1b[A\x7f\r.") + r" \(0 dropped\)")
        assert kernel.wait() == 0


@pytest.mark.parametrize("machine_type, firmware", [("pc", "bios"), ("q35", "bios"), ("pc", "uefi")])
def test_the_keyboard_takes_input(machine_type, firmware):
    """Keys pressed on QEMU's keyboard arrive as a terminal would send them."""
    folder = machine.build("03", ECHO, ("kernel", "iso"))
    arguments = ["-machine", machine_type, "-cpu", "qemu64,+nx,+smep,+smap"]
    if firmware == "uefi":
        arguments += ["-bios", "/usr/share/ovmf/OVMF.fd"]
    with Bare(folder, *arguments, iso=firmware == "uefi") as bare:
        bare.wait_for(lambda: READY in bare.serial(), "the kernel listens", 40)
        for key in ("n", "shift-i", "k", "k", "i", "ctrl-c", "up", "delete", "alt-x", "backspace", "ret", "dot"):
            bare.monitor(f"sendkey {key} 20")
            bare.monitor("info status")
        wanted = typed("nIkki\x03\x1b[A\x1b[3~\x1bx\x7f\r.")
        bare.wait_for(lambda: "dropped)" in bare.serial(), "the full stop arrives")
        assert wanted in bare.serial()


def test_every_scan_code():
    """All sequences of up to three codes: bounded output, no state that can't be left, every ASCII character."""
    program = host_build(["kernel/interrupts/scancode.c", "tests/03-interrupts/scancodes.c"], "scancodes", upto="03")
    assert "all scan codes" in host_run(program)
