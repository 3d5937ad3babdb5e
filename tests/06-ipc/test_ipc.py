"""Messages as somebody meets them who sits before the monitor."""
import re

import pytest
from harness import PASSED, boot


def monitor(**variables):
    return boot(upto="06", disk="none", **variables)


def rows_of_latency(printed):
    """{where: (min, median, max in microseconds, per cent of the CPU)}"""
    found = re.findall(r"^(.+?) +(\d+\.\d) +(\d+\.\d) +(\d+\.\d) +(\d+\.\d) %$", printed, re.MULTILINE)
    return {where: tuple(map(float, numbers)) for where, *numbers in found}


def test_waiting_costs_nothing():
    """On virtual time: a message is seen within microseconds, and its receiver uses nothing until then."""
    with monitor(icount=1) as kernel:
        kernel.prompt()
        rows = rows_of_latency(kernel.command("latency 40"))
        assert len(rows) == 2
        for least, median, most, used in rows.values():
            assert least <= median <= most < 5 and used < 0.2
        assert kernel.halt() == PASSED


def test_polling_costs_the_processor_or_a_slice():
    with monitor(icount=1, overlay=["tests/06-ipc/polling.nw"]) as kernel:
        kernel.prompt()
        quiet, busy = rows_of_latency(kernel.command("latency 40")).values()
        assert quiet[1] < 10 and quiet[3] > 95
        assert 9000 < busy[1] < 11000 and busy[3] < 1


def test_bench():
    with monitor() as kernel:
        kernel.prompt()
        printed = kernel.command("ipc_bench 200")
        rows = re.findall(r"^(?:send|call) .*? +(\d+) +(\d+) +(\d+) +(\d+)$", printed, re.MULTILINE)
        assert len(rows) == 2, printed
        for row in rows:
            times = list(map(int, row))
            assert times == sorted(times) and times[0] > 100
        handed, queued, replies = map(int, re.findall(r"\d+", kernel.command("ipc")))
        assert queued >= 210 and replies == 210 and handed >= 200
        assert "echo" not in kernel.command("tasks"), "the server is gone"
        assert kernel.halt() == PASSED


@pytest.mark.parametrize("line", ["ipc_bench 0", "ipc_bench 100001", "ipc_bench x", "ipc_bench 1 2",
                                  "latency 0", "latency 201", "latency -1"])
def test_senseless_numbers(line):
    with monitor() as kernel:
        kernel.prompt()
        assert re.match(r"how many (rounds|messages)\? 1 to \d+\n$", kernel.command(line))


@pytest.mark.limit(120)
def test_self_tests_free_running():
    """Five times on the clock on the wall, where nothing comes at the same moment twice."""
    with monitor() as kernel:
        kernel.prompt()
        for _ in range(5):
            assert re.search(r"# \d+ tests, 0 failed", kernel.command("selftest ipc"))
        assert kernel.halt() == PASSED
