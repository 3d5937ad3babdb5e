"""The interleaving explorer: no schedule breaks the book's messages, and every planted race is found."""
import functools
import re

import pytest

import harness

BUGS = {
    "06-ipc/lost-wakeup": ("send", "receiver sleeps for ever, though there is something to receive"),
    "06-ipc/gives-up-early": ("two-receivers", "a wait gave up although there was time left"),
    "06-ipc/cancel-ends-two": ("cancel", "a cancel ended two waits"),
    "06-ipc/overtakes": ("in-order", "a later message came before an earlier one"),
    "06-ipc/keeps-the-room": ("room-for-a-call-in-time", "other sleeps for ever, though there is room"),
    "06-ipc/overlooks-senders": ("room-for-the-choosy", "sender sleeps for ever, though somebody waits for its message"),
    "06-ipc/takes-room-and-goes": ("room-for-one", "other sleeps for ever, though there is room"),
    "06-ipc/forgets-the-bound": ("put-back", "there are more messages than the queue may hold"),
    "06-ipc/wakes-the-first": ("notify-two", "second sleeps for ever, though there is something to receive"),
    "06-ipc/cancel-unseen": ("cancel", "receiver sleeps for ever, though there is something to receive"),
    "06-ipc/looks-then-takes": ("undelivered-at-the-end", "a message is lost"),
    "06-ipc/registers-late": ("call", "caller sleeps for ever"),
    "06-ipc/answers-the-late": ("call-timeout", "a reply was accepted, and its caller did not get it"),
    "06-ipc/forgets-name": ("call-timeout", "question 2 got the answer to 1"),
    "06-ipc/closes-last": ("server-goes", "caller sleeps for ever"),
    "06-ipc/holds-nothing": ("server-goes", "memory is touched that is not there"),
    "04-tasks/ends-twice": ("caller-killed", "a reply was accepted, and its caller did not get it"),
    "04-tasks/sleeps-when-preempted": ("caller-killed", "server sleeps for ever, though there is something"),
}


explore = functools.partial(harness.explore, "06")


@pytest.mark.limit(300)
def test_no_schedule_breaks_the_book():
    harness.explore_all("06", 1000000, 33)


@pytest.mark.limit(120)
@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_found(bug):
    scenario, symptom = BUGS[bug]
    status, output = explore("-o", f"tests/{bug}.nw", scenario)
    assert status == 1 and symptom in output, output
    assert re.search(r"at (chapters|tests)/[a-z0-9/-]+\.nw:\d+", output), output


def test_shortest_schedule_of_the_overtaking():
    """Two forced switches: before the receiver registers, and between that and its second look."""
    status, output = explore("-o", "tests/06-ipc/overtakes.nw", "-n", "0", "in-order")
    assert status == 1, output
    steps = re.findall(r"^ +\d+\. (.*)", output, re.M)
    assert "before wait_begin" in steps[0] and "before look_while_waiting" in steps[2], output
    assert explore("-o", "tests/06-ipc/overtakes.nw", "-n", "0", "-c", "1", "in-order")[0] == 0


def test_same_seed_same_schedules():
    assert explore("-s", "7", "-c", "0", "send", "call") == explore("-s", "7", "-c", "0", "send", "call")
