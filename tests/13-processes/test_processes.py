"""Processes from outside: a thousand of them, one after the other."""
import pytest

from harness import boot

pytestmark = pytest.mark.chapter(13)


@pytest.mark.limit(120)
def test_nothing_is_left_behind():
    """Frames in use are the same after many programs as after a few."""
    with boot(cmdline="monitor") as kernel:
        kernel.prompt()
        for _ in range(3):
            kernel.command("run /bin/EXIT0.ELF")
        before = kernel.command("mem")
        for _ in range(30):
            assert "ended with code 0" in kernel.command("run /bin/EXIT0.ELF")
            assert "not found" in kernel.command("run /bin/NONE.ELF")
        after = kernel.command("mem")
        line = [text.split()[:2] for text in before.split("\n") if text.startswith(("frames", "process", "task"))]
        assert len(line) == 3
        assert line == [text.split()[:2] for text in after.split("\n") if text.startswith(("frames", "process", "task"))]
        assert kernel.halt() == 0
