"""Chooses tests by chapter (--chapter, --upto), gives each its time limit, and keeps make's variables away."""
import os
import re
import signal

import pytest

import harness  # (goes to the top folder)
from nikki import sample

LIMIT = 120


def pytest_addoption(parser):
    parser.addoption("--chapter", help="only this chapter's tests, by number or name")
    parser.addoption("--upto", help="the prefix NN: tests of chapters up to NN, on that prefix")
    parser.addoption("--all", action="store_true", help="every variant, nothing sampled")


def pytest_report_header():
    return f"sample: SEED={sample.seed()}"


def pytest_configure(config):
    for name in harness.machine.FOREIGN + harness.machine.VARIABLES:
        if name not in ("ACCEL",):
            os.environ.pop(name, None)
    os.environ["NIKKI_UPTO"] = config.getoption("--upto") or ""


def chapter_of(item):
    marker = item.get_closest_marker("chapter")
    if marker:
        return marker.args[0]
    match = re.search(r"tests/(\d\d)-", str(item.path))
    return int(match.group(1)) if match else None


def pytest_collection_modifyitems(config, items):
    wanted, upto, everything = config.getoption("--chapter"), config.getoption("--upto"), config.getoption("--all")
    if wanted:
        wanted = int(harness.chapters.chapter_stem(wanted)[:2])
    keep, drop = [], []
    for item in items:
        chapter = chapter_of(item)
        # A chapter asked for by name is tested whole; else what is neither touched nor sampled waits for test-all.
        left_out = item.get_closest_marker("slow") or (not wanted and item.get_closest_marker("sampled_out"))
        ok = everything or not left_out
        if wanted:
            ok = ok and chapter == wanted
        if upto:
            since = item.get_closest_marker("since")
            first = since.args[0] if since else chapter
            ok = ok and first is not None and first <= int(upto.split(":")[0])
        (keep if ok else drop).append(item)
    items[:] = keep
    config.hook.pytest_deselected(items=drop)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """A test that hangs is stopped and fails: SIGALRM interrupts whatever it waits for."""
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT

    def stop(*_):
        raise TimeoutError(f"time limit: {item.nodeid} ran for more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
