"""The driver of virtio disks, on the host, against a device that the test plays: late, wrong, silent, lying."""
import subprocess

import pytest

from harness import host_build, host_run

pytestmark = pytest.mark.chapter(8)

SOURCES = ["tests/08-virtio/disk_model.c", "tests/08-virtio/host_waits.c", "tests/host/host.c", "kernel/virtio/virtio_disk.c",
           "kernel/virtio/virtqueue.c", "kernel/virtio/block.c"]
FLAGS = ("-iquote", "tests/host", "-iquote", "tests/08-virtio/host", "-iquote", "tests/08-virtio")
HONEST, IN_TROUBLE, LYING, DYING = range(4)


@pytest.mark.parametrize("indirect", [0, 1])
@pytest.mark.parametrize("mood", [HONEST, IN_TROUBLE, LYING, DYING])
def test_no_device_gets_the_better_of_the_driver(mood, indirect):
    program = host_build(SOURCES, "disk-model", upto="08", flags=FLAGS)
    words = host_run(program, mood + 1, 30000, mood, indirect, limit=120).replace(",", "").replace(";", "").split()
    requests, errors, resets = int(words[0]), int(words[2]), int(words[words.index("resets") + 1])
    assert requests > 5000 and (errors > 0) == (mood != HONEST) and (resets > 0) == (mood != HONEST)
    assert (words[-1] == "2") == (mood == DYING)  # a device that refuses the reset is given up


@pytest.mark.parametrize("overlay, mood", [("ends-before-reset", IN_TROUBLE), ("frees-unanswered", LYING),
                                           ("believes-the-device", LYING)])
def test_the_model_sees_planted_bugs(overlay, mood):
    program = host_build(SOURCES, "disk-model", upto="08", overlay=f"tests/08-virtio/{overlay}.nw", flags=FLAGS)
    assert any(subprocess.run([program, str(seed), "30000", str(mood), "1"], capture_output=True, timeout=120,
                              check=False).returncode for seed in range(3))
