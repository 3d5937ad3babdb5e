"""Exceptions, interrupts and time, from outside."""
import re

import pytest

from harness import PANIC, PASSED, machine, run_batch, selftest

pytestmark = pytest.mark.chapter(3)


def test_an_exception_in_the_kernel_is_a_panic():
    """It says what happened, shows the registers, and its backtrace begins at the guilty line."""
    batch = run_batch(machine.build("03", "tests/03-interrupts/divide-by-zero.nw"), 20, boot="kernel")
    assert batch.status == PANIC
    assert "panic: divide error in the kernel" in batch.output
    assert re.search(r"^rip [0-9a-f]{16}  cs 8 ", batch.output, re.MULTILINE)
    first = re.search(r"how we came here:\n  average at ([\w/.-]+):(\d+)\n  kernel_main at ", batch.output)
    assert first, batch.tail()
    with open(first.group(1), encoding="utf-8") as stream:
        assert "sum / count" in stream.read().split("\n")[int(first.group(2)) - 1]


def test_without_an_emergency_stack_the_machine_falls():
    """A double fault that finds no stack resets the machine: the test does not even get to its verdict."""
    batch = run_batch(machine.build("03", "tests/03-interrupts/no-ist.nw"), 20, boot="kernel",
                      cmdline="selftest=interrupts.emergency_stacks")
    assert "1..1\n" in batch.output
    assert not batch.tap.complete


def test_without_an_end_the_timer_falls_silent():
    """With the naive handler no second interrupt comes; alarms fail, and only they."""
    batch = selftest("interrupts", upto="03", overlay="tests/03-interrupts/no-eoi.nw")
    assert set(batch.tap.failed) == {"interrupts.alarm_never_early", "interrupts.alarm_far_away", "interrupts.alarm_rearmed"}


@pytest.mark.parametrize("upto", ["03", ""])
def test_time_is_the_same_every_time(upto):
    """Counting instructions, the self-tests of this chapter print the same twice."""
    folder = machine.build(upto)
    first, second = (run_batch(folder, 60, boot="kernel", icount=1, cmdline="selftest=interrupts seed=1") for _ in range(2))
    assert first.status == PASSED, first.tail()
    assert first.output == second.output


def test_alarms_under_counted_instructions():
    """300 ms is beyond the timer's range: several interrupts, one alarm, less than 100 us late."""
    batch = run_batch(machine.build("03", "tests/03-interrupts/three-rings.nw"), 30, boot="kernel", icount=1,
                      cmdline="selftest=boot.status_text")
    rings = re.findall(r"rang for (\d+) ms, (\d+) ns late, after (\d+) interrupts", batch.output)
    assert [int(wait) for wait, _, _ in rings] == [3, 30, 300]
    assert all(int(late) < 100_000 for _, late, _ in rings)
    assert int(rings[2][2]) >= 6
