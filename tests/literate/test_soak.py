"""tools/soak and tools/fuzz: what they say of runs that hold, and of such that don't."""
import importlib.machinery
import importlib.util
import subprocess
import sys

import fuzzing
from toy_book import TOP


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, f"{TOP}/tools/{name}")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def soak(monkeypatch, *arguments):
    module = load("soak")
    seeds = []

    def fails(seed):
        raise AssertionError(f"it broke at {seed}")

    monkeypatch.setattr(module, "LONG_RUNS", {"holds": seeds.append, "fails": fails})
    monkeypatch.setattr(sys, "argv", ["soak", "-s", "0", "--seed", "41", *arguments])
    return module.main(), seeds


def test_a_run_that_holds(monkeypatch, capsys):
    assert soak(monkeypatch, "holds") == (0, [41])
    assert "SEED=41\n" in (said := capsys.readouterr().out) and "1 runs, 0 failed" in said


def test_a_run_that_fails_is_named_with_its_seed(monkeypatch, capsys):
    assert soak(monkeypatch, "fails") == (1, [])
    said = capsys.readouterr().out
    assert "seed 41: FAILED, see build/soak/fails-41.txt; again: tools/soak -s 0 --seed 41 fails" in said
    assert open(f"{TOP}/build/soak/fails-41.txt", encoding="utf-8").read() == "it broke at 41"


def fuzzer(tmp_path, monkeypatch, script):
    """What tools/fuzz says of a fuzzer that a shell script plays."""
    monkeypatch.setitem(fuzzing.TARGETS, "toy", fuzzing.Target([], str(tmp_path), 10))
    program = tmp_path / "fuzzer"
    program.write_text(f"#!/bin/sh\necho 'INFO: Loaded 1 PC tables (99 PCs)'\necho '#5 DONE cov: 7 ft: 8 corp: 3/9b'\n"
                       f"echo 'stat::number_of_executed_units: 5000'\n{script}\n")
    program.chmod(0o755)
    return load("fuzz").run("toy", str(program), 1)


def test_what_a_fuzzer_found(tmp_path, monkeypatch):
    line, found = fuzzer(tmp_path, monkeypatch, "exit 0")
    assert not found and line.split() == "toy 5,000 runs, 7 of 99 edges, 3 inputs, nothing found".split()
    line, found = fuzzer(tmp_path, monkeypatch, "echo 'a name that can not be'; echo 'Test unit written to x/crash-1'; exit 77")
    assert found and "FOUND: a name that can not be\n" in line and line.endswith("x/crash-1")


def test_both_are_in_the_help():
    text = subprocess.run(["make", "help"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    assert "\nfuzz " in text and "\nsoak " in text
