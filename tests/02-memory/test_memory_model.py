"""The frame allocator and the heap, compiled for this machine with ASan and UBSan, against a model."""
import pytest
from harness import host_build, host_run

SOURCES = ["tests/02-memory/model.c", "kernel/memory/frame.c", "kernel/memory/heap.c", "kernel/memory/fail.c"]


@pytest.mark.parametrize("seed", [1, 2])
def test_random_operations(seed):
    program = host_build(SOURCES, "memory-model", flags=["-iquote", "tests/02-memory/host"])
    assert "agree with the model" in host_run(program, seed, 100000)
