"""The line editor, compiled for this machine with ASan and UBSan, against a model."""
import pytest
from harness import host_build, host_run

SOURCES = ["tests/05-monitor/editor_model.c", "kernel/monitor/editor.c"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_keys(seed):
    # string_copy() is the kernel's; the rest of its string functions have the C library's names.
    program = host_build(SOURCES, "editor-model", flags=["-include", "tests/05-monitor/host_string.h"])
    assert "agree with the model" in host_run(program, seed, 100000)
