"""make run, as a reader meets it: a terminal, GRUB, a prompt that listens, and Ctrl-A X."""
import os
import re

import pexpect
import pytest

import harness
from toy_book import TOP

PROMPT = r"(?:monitor> |nikki:/[^\r\n$]*\$ )$"


def start(*arguments):
    environment = {key: value for key, value in os.environ.items() if key not in harness.machine.FOREIGN}
    return pexpect.spawn("make", ["run", *arguments], cwd=TOP, env=environment, encoding="utf-8", timeout=100)


@pytest.fixture
def built():
    """One at a time in build/, as long as make is at work there."""
    harness.machine.make("all")


def test_prompt_listens_and_halt_ends_make(built):
    child = start("CMDLINE=monitor", "DISK=none")
    child.expect(PROMPT)
    child.send("mem\r")
    child.expect("frames +[0-9]+")
    child.expect(PROMPT)
    child.send("halt\r")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


def test_ctrl_a_x_leaves(built):
    child = start("CMDLINE=monitor", "DISK=none")
    child.expect(PROMPT)
    child.send("\x01x")
    child.expect(pexpect.EOF)
    child.wait()
    assert not child.isalive()


def test_a_panic_is_the_exit_status_and_names_the_chapter(built):
    child = start("CMDLINE=monitor", "DISK=none")
    child.expect(PROMPT)
    child.send("panic\r")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 2
    text = child.before
    lines = re.findall(r"(chapters/[0-9]{2}-[a-z0-9-]+\.nw):([0-9]+)", text)
    assert lines, text
    # Each line of the backtrace is a line of code in its chapter.
    for file, number in lines:
        rows = (TOP / file).read_text(encoding="utf-8").splitlines()
        assert 0 < int(number) <= len(rows) and rows[int(number) - 1].strip()
