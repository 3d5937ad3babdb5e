"""Init from outside: disks that lack something, and shells that end."""
import pytest

from harness import boot, fat_image, machine

pytestmark = pytest.mark.chapter(16)


def read(name):
    with open(f"{machine.build()}/disk/{name}.elf", "rb") as file:
        return file.read()


def disk(tmp_path, **programs):
    return fat_image({f"/{name.upper()}.ELF": content for name, content in programs.items()} | {"/X": "x"},
                     tmp_path / "disk.img")


def first_words(**variables):
    with boot(**variables) as kernel:
        text = kernel.prompt()
        assert "monitor> " in kernel.output
        assert kernel.halt() == 0
        return text


def test_no_disk():
    assert "init: /INIT.ELF: not found; here is the monitor" in first_words(disk="none")


def test_no_init(tmp_path):
    assert "init: /INIT.ELF: not found" in first_words(disk=disk(tmp_path))


def test_init_is_no_program(tmp_path):
    assert "init: /INIT.ELF: not an executable file" in first_words(disk=disk(tmp_path, init=b"I am a text.\n"))


def test_init_ends(tmp_path):
    assert "init: /INIT.ELF ended with code 0" in first_words(disk=disk(tmp_path, init=read("exit0")))


@pytest.mark.parametrize("shell", [None, b"no program\n"])
def test_no_shell(tmp_path, shell):
    programs = {"init": read("init")} | ({"shell": shell} if shell else {})
    text = first_words(disk=disk(tmp_path, **programs))
    assert text.count("/SHELL.ELF can't be started") == 6 and "giving up" in text


def test_shell_that_fails(tmp_path):
    text = first_words(disk=disk(tmp_path, init=read("init"), shell=read("exit0")))
    assert text.count("/SHELL.ELF ended with code 0; starting it again") == 6 and "giving up" in text


def test_a_shell_that_ends_is_back():
    with boot() as kernel:
        kernel.prompt()
        kernel.send("exit 5\r")
        assert "/SHELL.ELF ended with code 5; starting it again" in kernel.prompt()
        assert "here" in kernel.command("echo here")
        assert kernel.halt() == 0


def test_monitor_on_request():
    with boot(cmdline="monitor") as kernel:
        assert "init" not in kernel.prompt()
        assert kernel.halt() == 0
