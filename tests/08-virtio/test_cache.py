"""The cache of blocks, on the host: 10^5 random operations against a model, with a disk that is late, lies low, and fails."""
import subprocess

import pytest

from harness import host_build, host_run

pytestmark = pytest.mark.chapter(8)

SOURCES = ["tests/08-virtio/cache_model.c", "tests/08-virtio/host_waits.c", "tests/host/host.c"] + [
    f"kernel/virtio/{name}.c" for name in ("cache", "cache_write", "block")]
FLAGS = ("-iquote", "tests/host", "-iquote", "tests/08-virtio/host", "-iquote", "tests/08-virtio")


@pytest.mark.parametrize("seed, sector", [(1, 512), (2, 4096), (3, 512), (4, 2048)])
def test_the_cache_agrees_with_its_model(seed, sector):
    program = host_build(SOURCES, "cache-model", upto="08", flags=FLAGS)
    figures = host_run(program, seed, 30000, sector, limit=120).split()
    assert int(figures[0]) > 10000 and int(figures[4]) > 8  # requests, pending at once


@pytest.mark.parametrize("overlay", ["writes-what-is-pinned", "writes-out-of-order", "forgets-the-error", "poisons-on-error"])
def test_the_model_sees_planted_bugs(overlay):
    program = host_build(SOURCES, "cache-model", upto="08", overlay=f"tests/08-virtio/{overlay}.nw", flags=FLAGS)
    assert subprocess.run([program, "1", "30000", "512"], capture_output=True, timeout=120, check=False).returncode != 0
