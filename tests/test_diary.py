"""The diary's day, the appendix in book.md: each command that it names is one that there is, and works."""
import os
import re

import pytest
from harness import TOP, boot, selftest
from nikki import overlays

with open(os.path.join(TOP, "book.md"), encoding="utf-8") as book:
    TABLE = book.read().split("# The diary's day")[1].split(": The diary's day.")[0]
COMMANDS = [command for line in TABLE.split("\n") if line.startswith("| ")
            for command in re.findall(r"`([^`]+)`", line.split("|")[3])]
TESTS = [command.split()[1] for command in COMMANDS if command.startswith("selftest ")]
BUGS = [command.split("=")[1] for command in COMMANDS if command.startswith("make reenact ")]
OTHERS = [command for command in COMMANDS if not command.startswith(("selftest ", "make reenact "))]


def test_every_row_leads_somewhere():
    rows = [line for line in TABLE.split("\n") if re.match(r"\| [^*|-]", line)][1:]
    assert len(rows) > 20
    for row in rows:
        _, _, where, command, _ = row.split("|")
        assert "](#" in where and "`" in command, row


@pytest.mark.parametrize("room", sorted({test.split(".")[0] for test in TESTS}))
def test_self_tests_pass(room):
    wanted = {test for test in TESTS if test.startswith(room + ".")}
    batch = selftest(",".join(sorted(wanted)), limit=120)
    assert batch.status == 0, batch.tail()
    assert set(batch.tap.tests) == wanted


@pytest.mark.parametrize("bug", BUGS)
def test_bug_can_be_brought_back(bug):
    """That it shows what it promises is tested with all overlays; here: it is one that can be found by this name."""
    assert overlays.find(bug).kind in ("bug", "naive", "sabotage")


def test_other_commands():
    for command in OTHERS:
        if command.startswith("make "):
            with open(os.path.join(TOP, "tools", "test.mk"), encoding="utf-8") as rules:
                assert f"{command.split()[1]}:" in rules.read(), command
        else:
            with boot(cmdline="monitor") as kernel:
                assert "unknown" not in kernel.command(command), command
