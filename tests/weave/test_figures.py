"""Figures that are drawn from recorded runs: their numbers are those of the transcripts."""
import re
import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
LATENCY = TOP / "figures/06-ipc/latency.tex"
SOURCE = "\\documentclass{standalone}\n% reads: run.txt\n"


def figure(folder, *arguments):
    done = subprocess.run([TOP / "tools/weave/figure", *arguments], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def draw(folder):
    """A figure that reads a transcript, as `make figures` leaves it; the drawing itself is a stand-in."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "pdftocairo").write_text('#!/bin/sh\necho "<svg/>" >"$3"\n')
    (tools / "pdftocairo").chmod(0o755)
    (folder / "figures/01-x").mkdir(parents=True)
    shutil.copy(TOP / "figures/style.tex", folder / "figures/style.tex")
    (folder / "figures/01-x/a.tex").write_text(SOURCE)
    (folder / "figures/01-x/run.txt").write_text("late 0.4\n")
    subprocess.run([TOP / "tools/weave/figure", "make", "figures/01-x/a.tex"], cwd=folder, check=True,
                   env={"PATH": f"{tools}:/usr/bin:/bin"}, capture_output=True)


def test_a_figure_is_stale_when_its_transcript_has_changed(tmp_path):
    draw(tmp_path)
    assert figure(tmp_path, "check") == (0, "")
    (tmp_path / "figures/01-x/run.txt").write_text("late 0.5\n")
    status, said = figure(tmp_path, "check")
    assert status == 1 and "figures/01-x/a.tex:1: error: figures/01-x/a.svg is missing or older" in said


def test_all_drawings_are_as_new_as_their_sources_and_transcripts():
    assert figure(TOP, "check") == (0, "")


def test_the_latency_figure_is_drawn_from_both_runs_and_has_no_number_of_its_own():
    status, said = figure(TOP, "reads", "figures/06-ipc/latency.tex")
    assert status == 0
    assert said.split() == ["figures/06-ipc/ipc-polling.txt", "figures/06-ipc/ipc-waiting.txt"]
    chapter = (TOP / "chapters/06-ipc.nw").read_text()
    for path in said.split():
        assert f"{{.run #{Path(path).stem} " in chapter
        rows = re.findall(r"^(?:on a quiet machine|beside a busy task)((?: +[\d.]+){4}) %$", (TOP / path).read_text(), re.M)
        assert len(rows) == 2, path
        for number in " ".join(rows).split():
            assert f"{{{number}}}" not in LATENCY.read_text()
