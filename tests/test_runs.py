"""The book's runs: each cut builds and boots, and prints what the book shows."""
import os

import pytest

from nikki import chapters, prefixes, recording, sample

SAMPLE = 6


def cases():
    every = chapters.runs()
    chosen = sample.choose(every, lambda run: [run.transcript], SAMPLE, lambda run: run.id)
    for run in every:
        marks = [pytest.mark.chapter(run.chapter), pytest.mark.limit(300)]
        if run.id not in chosen:
            marks.append(pytest.mark.sampled_out)
        yield pytest.param(run, id=run.id, marks=marks)


@pytest.mark.parametrize("run", cases())
def test_cut_builds_and_boots(run):
    problem = prefixes.examine_cut(run)
    assert not problem, problem


@pytest.mark.parametrize("run", cases())
def test_transcript(run):
    """The stored transcript is what the kernel says now (make book-check compares them all)."""
    assert os.path.exists(run.transcript), f"{run.place}: record it with: make record RUN={run.id}"
    with open(run.transcript, encoding="utf-8") as stream:
        assert recording.transcript(run) == stream.read(), f"{run.place}: stale; make record RUN={run.id}"
