"""The VFS and the file system in memory on the host: random operations against a model, with the sanitizers."""
import pytest

from harness import host_build, host_run

pytestmark = pytest.mark.chapter(10)

SOURCES = ["tests/10-vfs/vfs_model.c", "tests/host/host.c", "kernel/handles/object.c", "kernel/fat32/node.c"] + [f"kernel/vfs/{name}.c" for name in ("path", "mount", "vfs", "change", "tmpfs")]


def model(overlay=()):
    return host_build(SOURCES, "vfs-model", overlay=overlay, flags=("-iquote", "tests/host"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_100000_random_operations_agree_with_the_model(seed):
    text = host_run(model(), 100000, seed)
    assert "100000 operations agree" in text
    for error in (-10, -20, -23, -24, -25, -26, -27):
        assert f" {error}×" in text, f"{error} was never met"


@pytest.mark.parametrize("overlay, seen", [("keeps-the-tail", "other bytes"), ("frees-what-is-open", "use-after-free")])
def test_the_model_sees_what_goes_wrong(overlay, seen):
    with pytest.raises(AssertionError, match=seen):
        host_run(model(f"tests/10-vfs/{overlay}.nw"), 100000, 1)
