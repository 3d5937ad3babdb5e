"""Handles on the host: the tables against a model, and the hash against its authors' values."""
import pytest

from harness import host_build, host_run

pytestmark = pytest.mark.chapter(7)

SOURCES = ["tests/07-handles/handles_model.c", "tests/host/host.c", "kernel/handles/handle.c", "kernel/handles/object.c",
           "kernel/handles/memory_object.c", "kernel/handles/token.c"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_operations_agree_with_the_model(seed):
    program = host_build(SOURCES, "handles-model", flags=("-iquote", "tests/host"))
    assert "100000 operations agree" in host_run(program, 100000, seed)


def test_the_model_sees_rights_that_grow():
    """The model must be able to fail."""
    program = host_build(SOURCES, "handles-model", overlay="tests/07-handles/grows-rights.nw", flags=("-iquote", "tests/host"))
    with pytest.raises(AssertionError, match="rights"):
        host_run(program, 100000, 1)


TRAVEL = ["tests/07-handles/travel_model.c", "tests/host/host.c", "kernel/handles/handle.c", "kernel/handles/object.c",
          "kernel/handles/memory_object.c", "kernel/handles/token.c", "kernel/handles/travel.c"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_handles_that_travel_agree_with_the_model(seed):
    program = host_build(TRAVEL, "travel-model", flags=("-iquote", "tests/host"))
    assert "100000 steps agree" in host_run(program, 100000, seed)


@pytest.mark.parametrize("overlay, seen", [
    ("delegates-too-much", "rights"), ("delegates-unasked", "send a handle"), ("shares-position", "objects"),
    ("keeps-the-place", "create"), ("forgets-first", "a handle in a message"), ("arrives-twice", "objects|use-after-free"),
])
def test_the_model_sees_what_goes_wrong_on_the_way(overlay, seen):
    program = host_build(TRAVEL, "travel-model", overlay=f"tests/07-handles/{overlay}.nw", flags=("-iquote", "tests/host"))
    with pytest.raises(AssertionError, match=seen):
        host_run(program, 100000, 1)
