"""make bench-check: a figure that is too slow, or missing, fails it by name; figures within the budgets pass."""
import subprocess

import pytest

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
