"""Deadlines, ids and lists against simple models, natively with sanitizers."""
import pytest

from harness import host_build, host_run

SOURCES = ["tests/04-tasks/tasks_model.c", "kernel/tasks/deadline.c", "kernel/tasks/id.c"]
SHIM = "-includetests/explorer/shim/kernel/memory/critical.h"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_models(seed):
    program = host_build(SOURCES, "tasks-model", flags=[SHIM])
    assert "as in the model" in host_run(program, seed)
