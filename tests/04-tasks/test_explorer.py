"""The interleaving explorer: no schedule breaks the book's waits and locks, and every planted race is found."""
import functools
import re
import subprocess

import pytest

import harness

BUGS = {
    "lost-wakeup": ("wake", "waiter sleeps for ever, though what it waits for is there"),
    "drops-wake": ("wake", "waiter sleeps for ever, though what it waits for is there"),
    "sleeps-when-preempted": ("two-waiters", "first sleeps for ever, though what it waits for is there"),
    "ends-twice": ("cancel", "a canceller was told that it ended the wait, and the wait did not say so"),
    "cancel-lost": ("cancel-not-lost", "waiter sleeps for ever"),
    "lock-with-interrupts-off": ("reports", "reporter spins for ever with interrupts off"),
    "lock-that-asks": ("reports", 'panic: lock "report": taken with interrupts off'),
}


explore = functools.partial(harness.explore, "04")


@pytest.mark.limit(300)
def test_no_schedule_breaks_the_book():
    harness.explore_all("04", 150000, 14)


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_found(bug):
    scenario, symptom = BUGS[bug]
    status, output = explore("-o", f"tests/04-tasks/{bug}.nw", scenario)
    assert status == 1 and symptom in output, output
    assert re.search(r"at (chapters|tests)/[a-z0-9/-]+\.nw:\d+", output), output


def test_shortest_schedule_of_the_lost_wakeup():
    """Found with a single forced switch, between the only look and the registering."""
    status, output = explore("-o", "tests/04-tasks/lost-wakeup.nw", "-n", "0", "-c", "1", "wake")
    assert status == 1, output
    steps = re.findall(r"^ +\d+\. (.*)", output, re.M)
    assert len(steps) == 3 and "before wait_begin" in steps[0] and "sleeps in wait_suspend" in steps[2], output
    assert explore("-o", "tests/04-tasks/lost-wakeup.nw", "-n", "0", "-c", "0", "wake")[0] == 0


def test_same_seed_same_schedules():
    assert explore("-s", "7", "-c", "0", "wake", "lock") == explore("-s", "7", "-c", "0", "wake", "lock")


def test_wrong_names_are_told():
    done = subprocess.run(["tests/explorer/run", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no scenario of that name" in done.stdout
