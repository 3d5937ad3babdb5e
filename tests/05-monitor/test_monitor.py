"""The monitor as somebody meets it who sits before the machine."""
import re
import socket

import pytest
from harness import PANIC, PASSED, TESTS_FAILED, boot


def monitor(**variables):
    return boot(upto="05", disk="none", **variables)


def test_commands():
    with monitor() as kernel:
        kernel.prompt()
        helped = kernel.command("help")
        for name in ("mem", "tasks", "clock", "selftest", "panic", "halt"):
            assert re.search(rf"^{name} ", helped, re.MULTILINE)
        assert "frames" in kernel.command("mem")
        assert "idle" in kernel.command("tasks")
        assert 'did you mean "tasks"?' in kernel.command("taks")
        assert '"help" lists them' in kernel.command("frobnicate")
        assert kernel.command("") == ""
        assert kernel.halt() == PASSED


def test_editing_over_the_serial_line():
    with monitor() as kernel:
        kernel.prompt()
        assert kernel.command("cho a c\x1b[Db \x1b[He") == "a b c\n"
        assert kernel.command("\x1b[A") == "a b c\n"
        assert kernel.command("ec\t x") == "x\n"
        assert kernel.command("garbage\x15echo clean") == "clean\n"
        kernel.send("half a line\x03")
        kernel.expect(r"\^C")
        kernel.prompt()
        assert kernel.command("echo still here") == "still here\n"
        assert kernel.halt() == PASSED


def test_candidates_are_listed():
    with monitor() as kernel:
        kernel.prompt()
        kernel.send("h\t")
        kernel.expect(r"help +halt")
        kernel.expect("monitor> h")
        kernel.send("elp mem\r")
        kernel.expect("show memory use")


def test_keyboard(tmp_path):
    path = str(tmp_path / "qemu")
    with monitor(qemu_extra=f"-monitor unix:{path},server,nowait") as kernel:
        kernel.prompt()
        with socket.socket(socket.AF_UNIX) as qemu:
            qemu.connect(path)
            for key in ("c", "h", "o", "spc", "x", "shift-a", "home", "e", "end", "backspace", "ret"):
                qemu.sendall(f"sendkey {key} 1\n".encode())
            kernel.expect(r"[\r\n]x[\r\n]")
        kernel.prompt()
        assert kernel.command("echo both lines work") == "both lines work\n"
        assert kernel.halt() == PASSED


def test_verdicts():
    with monitor() as kernel:
        kernel.prompt()
        assert "# 1 tests, 0 failed" in kernel.command("selftest memory.frame_runs")
        kernel.command("selftest no.such_test")
        assert kernel.halt() == TESTS_FAILED
    with monitor() as kernel:
        kernel.prompt()
        kernel.send("panic\r")
        assert kernel.wait() == PANIC
        assert "chapters/05-monitor.nw:" in kernel.output


@pytest.mark.parametrize("filter_name", ["monitor", "monitor.editor_keys"])
def test_selftest_by_name(filter_name):
    with monitor() as kernel:
        kernel.prompt()
        output = kernel.command(f"selftest {filter_name}")
        names = re.findall(r"^ok \d+ - (\S+)", output, re.MULTILINE)
        assert names and all(name.startswith(filter_name) for name in names)


def test_script(tmp_path):
    script = tmp_path / "script"
    script.write_text("echo one\nhelp halt\necho last\n")
    with monitor(boot="iso", modules=f"{script}:script") as kernel:
        assert kernel.wait() == PASSED
        assert re.search(r"monitor> echo one\none\nmonitor> help halt\nhalt .*\nmonitor> echo last\nlast\n",
                         kernel.output)


def test_failing_script(tmp_path):
    script = tmp_path / "script"
    script.write_text("selftest no.such_test\n")
    with monitor(boot="iso", modules=f"{script}:script") as kernel:
        assert kernel.wait() == TESTS_FAILED


def test_nobody_types_nobody_runs():
    with monitor(icount=1) as kernel:
        kernel.prompt()
        kernel.command("sleep 2000")
        rows = re.findall(r"^ *\d+ +\d+ +\S+ +(\d+) +(\S+)$", kernel.command("tasks"), re.MULTILINE)
        times = {name: int(time) for time, name in rows}
        assert times["idle"] >= 1900 and times["boot"] < 100
