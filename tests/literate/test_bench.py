"""make bench-check: a figure that is too slow, or missing, fails it by name; figures within the budgets pass."""
import importlib.machinery
import importlib.util
import subprocess

import pytest

from nikki import machine, peer
from toy_book import TOP

GOOD = {"null system call": 100, "send and receive, to oneself": 9999, "send to a waiting receiver": 450,
        "call and reply, two processes": 1000, "yield to another, and back": 700}


def bench(tmp_path, figures, *options):
    session = tmp_path / "session.txt"
    lines = ["monitor> run /bin/IPC_BENCH.ELF 1000", f"{'cycles':34} {'min':>7} {'median':>7} {'p99':>7} {'max':>7}"]
    lines += [f"{name:34} {1:7} {median:7} {99999:7} {99999:7}" for name, median in figures.items()]
    session.write_text("\r\n".join(lines + ["ended with code 0", "monitor> halt", ""]), encoding="utf-8")
    return subprocess.run(["tools/bench", *options, "--from", str(session)], cwd=TOP, capture_output=True, text=True,
                          check=False)


def test_figures_at_their_budgets_pass(tmp_path):
    result = bench(tmp_path, GOOD, "--check")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    for name, median in GOOD.items():
        assert f"{name:34} {median:7}" in result.stdout


@pytest.mark.parametrize("name", [name for name in GOOD if "oneself" not in name])
def test_one_instruction_too_many_fails(tmp_path, name):
    result = bench(tmp_path, GOOD | {name: GOOD[name] + 1}, "--check")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"{name}: {GOOD[name] + 1} instructions, 1 above the budget of {GOOD[name]}" in result.stderr
    assert "chapter" in result.stderr


def test_without_check_it_only_prints(tmp_path):
    assert bench(tmp_path, GOOD | {"null system call": 500}).returncode == 0


def test_what_was_not_measured_fails(tmp_path):
    figures = {name: median for name, median in GOOD.items() if name != "yield to another, and back"}
    result = bench(tmp_path, figures, "--check")
    assert result.returncode == 1
    assert "yield to another, and back: not measured" in result.stderr


def test_make_help_names_both():
    text = subprocess.run(["make", "help"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    assert "\nbench " in text and "\nbench-check " in text


FILES = """reading, cold                         1201.5 MB/s\r
reading, cached                       1868.0 MB/s\r
writing, and made safe                 200.0 MB/s\r
200 small files, made and removed       51.0 ms\r
"""


def bench_module():
    loader = importlib.machinery.SourceFileLoader("bench", f"{TOP}/tools/bench")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    loader.exec_module(module)
    return module


def test_speeds_of_files_are_read_whole_or_not_at_all():
    bench_of_files = bench_module()
    found = bench_of_files.speeds("run /bin/FILE_BENCH.ELF /mnt\r\n" + FILES)
    assert found.keys() == bench_of_files.GOALS.keys()
    assert found["reading, cold"] == (1201.5, "MB/s")
    assert found["200 small files, made and removed"] == (51.0, "ms")
    with pytest.raises(machine.Stopped, match="file_bench: /mnt/BIG.BIN: Input/output error"):
        bench_of_files.speeds(FILES.replace("reading, cached", "file_bench: /mnt/BIG.BIN: Input/output error"))


def test_drivers_stand_behind_those_that_they_need(tmp_path):
    needs = {"virtio_blk": "virtio,virtio-ring", "virtio": "virtio-ring", "virtio_ring": "", "vfat": "fat", "fat": ""}
    folder = tmp_path / "lib/modules/6.1.0/kernel/drivers"
    folder.mkdir(parents=True)
    for name, names in needs.items():
        (folder / f"{name}.ko").write_bytes(b"\x7fELF\0license=GPL\0depends=" + names.encode() + b"\0name=x\0")
    order = [name.replace("-", "_") for name in peer.in_order(tmp_path, ("vfat", "virtio_blk"))]
    assert sorted(order) == sorted(needs)
    for name, names in needs.items():
        for other in filter(None, names.split(",")):
            assert order.index(other.replace("-", "_")) < order.index(name)


def test_what_can_t_be_fetched_says_what_to_do(tmp_path):
    with pytest.raises(peer.BookError, match="without a network, leave LINUX out:\n.*no such thing"):
        peer.run(["sh", "-c", "echo no such thing; exit 1"], "without a network, leave LINUX out")


def test_a_missing_driver_is_named(tmp_path):
    with pytest.raises(peer.BookError, match="no driver virtio_blk"):
        peer.in_order(tmp_path, ("virtio_blk",))
