"""/proc on the host, from the shell, and what it shows of a program that is loaded twice."""
import re

import pytest

from harness import boot, host_build, host_run

pytestmark = pytest.mark.chapter(11)

SOURCES = ["tests/11-procfs/texts_host.c", "tests/host/host.c", "kernel/procfs/text.c"]
LINE = re.compile(r"([a-z_]+ [^ ]+ )*[a-z_]+ [^ ].*")


@pytest.mark.parametrize("seed", [1, 2])
def test_random_texts_agree_with_the_model(seed):
    program = host_build(SOURCES, "texts", flags=("-iquote", "tests/host"))
    whole = re.search(r"2000 texts, (\d+) of them whole", host_run(program, 2000, seed))
    assert 1000 < int(whole[1]) < 2000


def test_the_model_sees_names_that_look_like_lines():
    program = host_build(SOURCES, "texts", overlay="tests/11-procfs/forged-line.nw", flags=("-iquote", "tests/host"))
    with pytest.raises(AssertionError, match="is wrong"):
        host_run(program, 2000, 1)


def words(line):
    """The pairs of a line; the last value may have spaces in it."""
    parts = line.split(" ")
    return {parts[i]: parts[i + 1] for i in range(0, len(parts) - 1, 2)}


def read(kernel, path):
    lines = kernel.command(f"cat {path}").splitlines()
    for line in lines:
        assert LINE.fullmatch(line), (path, line)
    return lines


def figures(kernel, path):
    return {word: int(value) for word, value in (line.split(" ", 1) for line in read(kernel, path))}


def test_without_a_disk():
    """The monitor's kernel has /proc even if it has nothing else."""
    with boot(upto="11", disk="none") as kernel:
        kernel.prompt()
        assert "meminfo" in kernel.command("ls /proc")
        assert "kind proc source kernel path /proc" in read(kernel, "/proc/mounts")
        seen = figures(kernel, "/proc/meminfo")
        assert seen["total_kib"] == seen["used_kib"] + seen["free_kib"]
        assert seen["peak_kib"] >= seen["used_kib"]
        assert "not found" in kernel.command("ls /")
        assert kernel.halt() == 0


@pytest.mark.limit(120)
def test_every_file_from_the_shell():
    with boot() as kernel:
        kernel.prompt()
        names = [line.split()[-1] for line in kernel.command("ls /proc").splitlines()]
        files = [name for name in names if not name.endswith("/")]
        processes = [name[:-1] for name in names if name.endswith("/")]
        assert {"meminfo", "objects", "tasks", "uptime", "mounts", "interrupts", "ipc", "blk"} <= set(files)
        for name in files:
            assert read(kernel, f"/proc/{name}"), name
        statuses = {}
        for process in processes:
            lines = read(kernel, f"/proc/{process}/status")
            statuses[dict(line.split(" ", 1) for line in lines)["name"]] = process, lines
            read(kernel, f"/proc/{process}/handles")
            read(kernel, f"/proc/{process}/maps")
        assert {"kernel", "INIT.ELF", "SHELL.ELF"} <= set(statuses)
        shell, lines = statuses["SHELL.ELF"]
        assert f"parent {statuses['INIT.ELF'][0]}" in lines
        rights = [line.rsplit(" ", 1)[1] for line in read(kernel, f"/proc/{shell}/maps")]
        assert "r-x" in rights and "rw-" in rights and not any("w" in right and "x" in right for right in rights)
        waiting = [words(line) for line in read(kernel, "/proc/tasks")]
        assert any(task["process"] == statuses["INIT.ELF"][0] and task["waits"] != "-" for task in waiting)
        assert kernel.halt() == 0


@pytest.mark.limit(120)
def test_a_process_that_has_gone():
    """A crashed program's folder goes with it, and its id never comes back."""
    with boot() as kernel:
        kernel.prompt()
        before = set(kernel.command("ls /proc").split())
        gone = re.search(r"process (\d+)", kernel.command("crash null"))[1]
        assert "No such file" in kernel.command(f"cat /proc/{gone}/status")
        kernel.command("hello")
        assert "No such file" in kernel.command(f"ls /proc/{gone}")
        assert set(kernel.command("ls /proc").split()) == before
        assert kernel.halt() == 0


def growth(overlay=()):
    with boot(upto="12", overlay=overlay) as kernel:
        kernel.prompt()
        before = figures(kernel, "/proc/meminfo")
        kernel.command("selftest usermode.loads_once")
        after = figures(kernel, "/proc/meminfo")
        kernel.halt()
        assert after["used_kib"] <= before["used_kib"] + 64
        return after["peak_kib"] - before["used_kib"]


@pytest.mark.chapter(12)
@pytest.mark.limit(120)
def test_a_double_buffer_is_seen_in_the_peak():
    once, twice = growth(), growth("tests/12-usermode/double-buffer.nw")
    assert 960 < once < 1400 and 1.7 * once < twice < 2.1 * once, (once, twice)
