"""The shell: its parser on the host, its commands and the programs it starts from outside."""
import pytest

from harness import boot, host_build, host_run

pytestmark = pytest.mark.chapter(17)


def parser():
    return host_build(["tests/17-shell/parse_host.c", "userland/shell/parse.c"], "parse")


def test_parser_cases():
    assert host_run(parser(), "cases") == ""


@pytest.mark.parametrize("seed", range(3))
def test_parser_fuzzed(seed):
    host_run(parser(), "fuzz", 10000, seed)


@pytest.mark.limit(120)
def test_a_session():
    """What one does first, in the order in which somebody would."""
    with boot(boot="iso") as kernel:
        kernel.prompt()
        text = kernel.command("ls /")
        assert "HELLO.TXT" in text and "bin/" in text and "INIT.ELF" in text
        assert "Hello from the disk!" in kernel.command("cat /HELLO.TXT")
        for name in ("hello", "HELLO", "Hello.elf", "/bin/hello.elf", "/bin/HELLO", "run hello"):
            assert "Hello from Nikki!" in kernel.command(name), name
        kernel.command("cd bin")
        assert kernel.command("pwd") == "/bin\n"
        assert "nikki:/bin$ " in kernel.output
        assert "Hello from Nikki!" in kernel.command("./hello.elf")
        assert kernel.halt() == 0


@pytest.mark.limit(120)
def test_bad_programs_harm_nobody():
    reports = {"null": "page fault", "divide": "divide error", "undefined": "invalid opcode", "hlt": "general protection",
               "data": "may not execute", "code": "may not write", "kernel": "0xffffffff80100000", "stack": "page fault"}
    with boot() as kernel:
        kernel.prompt()
        for way, report in reports.items():
            text = kernel.command(f"crash {way}; echo code $?")
            assert report in text and "code 128" in text, text
        assert "exit code" in kernel.command("crash abort")
        assert "Hello" in kernel.command("hello")
        assert kernel.halt() == 0


def test_what_is_no_program():
    with boot() as kernel:
        kernel.prompt()
        assert "no such command or program" in kernel.command("nothing")
        assert "not an executable file" in kernel.command("/HELLO.TXT")
        assert "a folder, not a program" in kernel.command("/bin")
        assert "code 127" in kernel.command("nothing; echo code $?")
        assert kernel.halt() == 0


@pytest.mark.limit(120)
def test_self_tests_from_the_shell():
    with boot() as kernel:
        kernel.prompt()
        text = kernel.command("selftest", limit=110)
        assert ", 0 failed" in text and "not ok" not in text
        assert kernel.halt() == 0


def test_what_the_kernel_tells():
    """ps, mem and uptime are readers of /proc."""
    with boot() as kernel:
        kernel.prompt()
        tasks = [line.split() for line in kernel.command("ps").splitlines()]
        assert tasks[0][:2] == ["process", "task"] and all(len(task) >= 6 for task in tasks)
        states = {task[-1]: task[2:4] for task in tasks[1:]}
        assert states["SHELL.ELF"] == ["running", "-"] and states["idle"] == ["ready", "-"]
        assert states["INIT.ELF"][0] == "sleeping"
        memory = dict(line.split()[:2] for line in kernel.command("mem").splitlines())
        assert int(memory["total"]) == int(memory["used"]) + int(memory["free"])
        assert kernel.command("uptime").startswith("up ")
        assert kernel.halt() == 0
