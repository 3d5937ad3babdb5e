"""The kernel as a whole, from outside: its self-tests, the machines it runs on, how it ends."""
import pytest

from harness import PASSED, boot, chapters, run_batch, selftest, machine

NUMBERS = chapters.chapter_numbers()


def assert_passed(batch):
    reasons = "\n".join(f"{name}: {batch.tap.why(name)}" for name in batch.tap.failed)
    assert batch.tap.complete, f"the self-tests did not come to their end ({batch.verdict_text}):\n{batch.tail()}"
    assert not batch.tap.failed, reasons
    assert batch.status == PASSED, batch.tail()


@pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.chapter(n), id=chapters.chapter_stem(str(n)))
                                    for n in NUMBERS])
def test_self_tests(number):
    """Each chapter's self-tests pass; there is one, at the least."""
    room = chapters.chapter_stem(str(number))[3:]
    batch = selftest(room)
    assert_passed(batch)
    assert batch.tap.passed, f"chapter {number} has no self-test that ran"


@pytest.mark.limit(300)
@pytest.mark.parametrize("variables", [
    {"machine": "pc"}, {"machine": "q35"}, {"machine": "pc", "mem": 64}, {"machine": "q35", "mem": 4096},
    {"machine": "pc", "boot": "iso"}, {"machine": "q35", "boot": "iso"},
    {"machine": "q35", "boot": "iso", "firmware": "uefi"}, {"machine": "pc", "boot": "iso", "firmware": "uefi"},
], ids=lambda variables: "-".join(map(str, variables.values())))
def test_machines(variables):
    """All self-tests, on every machine and under both firmwares, with little memory and with much."""
    if variables.get("boot") == "iso":
        machine.build(goals=("kernel", "iso"), werror=True)
    assert_passed(selftest(disk="none", icount=0, limit=240, **variables))


def test_a_bad_cpu_gets_a_message():
    """Without long mode there is a message, and no reset."""
    folder = machine.build(goals=("kernel", "iso"), werror=True)
    batch = run_batch(folder, 20, boot="iso", disk="none", qemu_extra="-cpu qemu32", until="long mode")
    assert "long mode" in batch.output, batch.tail()


def test_ctrl_a_x_leaves():
    with boot() as kernel:
        kernel.expect("Nikki")
        assert kernel.leave() == 3
