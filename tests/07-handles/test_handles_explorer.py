"""The interleaving explorer: no schedule breaks the book's handles and watches, and every planted race is found."""
import functools
import re

import pytest

import harness

pytestmark = pytest.mark.chapter(7)

GONE = "memory is touched that is not there"
# overlay: a scenario that meets it, what is said, and the place at which the schedule interrupts somebody
RACES = {
    "makes-two-tables": ("first-handles", "a handle is left over", "handle_table_create at chapters/07-handles.nw"),
    "releases-then-empties": ("close-twice", GONE, "object_close at chapters/07-handles.nw"),
    "finds-then-holds": ("use-and-close", GONE, "object_hold at chapters/07-handles.nw"),
    "duplicates-then-holds": ("duplicate-and-close", GONE, "object_hold at chapters/07-handles.nw"),
    "looks-again-at-the-count": ("use-and-close", GONE, "object_close at tests/07-handles/looks-again-at-the-count.nw"),
    "lets-go-then-holds": ("peer-and-close", GONE, "process_of_handle at tests/07-handles/lets-go-then-holds.nw"),
    "counts-in-the-open": ("twice-the-same", GONE, "memory_reopen at tests/07-handles/counts-in-the-open.nw"),
    "takes-it-back-late": ("undelivered", "is left over", "put_back at tests/07-handles/takes-it-back-late.nw"),
    "looks-before-it-watches": ("watch", "watcher sleeps for ever", "watch_begin at tests/07-handles/looks-before-it-watches.nw"),
    "binds-in-two-steps": ("watch-twice", "an object of kind process is left over",
                           "watch_begin at tests/07-handles/binds-in-two-steps.nw"),
}


explore = functools.partial(harness.explore, "07")


@pytest.mark.limit(300)
def test_no_schedule_breaks_the_book():
    harness.explore_all("07", 700000, 25)


@pytest.mark.limit(120)
@pytest.mark.parametrize("race", RACES)
def test_planted_race_is_found(race):
    scenario, symptom, place = RACES[race]
    status, output = explore("-o", f"tests/07-handles/{race}.nw", "-n", "0", scenario)
    assert status == 1 and symptom in output, output
    assert re.search(rf"interrupted, and loses the CPU, before {re.escape(place)}:\d+", output), output


def test_the_late_look_needs_one_interrupt():
    """The look and the registering, and the death in between: found with one forced switch, and not without."""
    overlay = ("-o", "tests/07-handles/looks-before-it-watches.nw", "-n", "0")
    status, output = explore(*overlay, "-c", "1", "watch")
    assert status == 1, output
    steps = re.findall(r"^ +\d+\. (.*)", output, re.M)
    assert "before watch_begin" in steps[0] and "ending ends" in steps[1] and "watcher sleeps" in steps[2], output
    assert explore(*overlay, "-c", "0", "watch")[0] == 0


def test_same_seed_same_schedules():
    assert explore("-s", "7", "-c", "0", "travel", "watch") == explore("-s", "7", "-c", "0", "travel", "watch")
