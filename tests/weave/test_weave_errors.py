"""Every mistake an author can make stops the weaver, with file, line and remedy."""
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
LAMP, BELL = "chapters/01-lamp.nw", "chapters/02-bell.nw"

MISTAKES = {
    "unknown reference": (
        LAMP, "[](#tab:lamp-kinds) and", "[](#tab:lamp-sorts) and",
        "[](#tab:lamp-sorts)", "unknown reference #tab:lamp-sorts; correct it, or name its target"),
    "unknown chunk in prose": (
        LAMP, "[[<<keep the state>>]] is", "[[<<keep the stat>>]] is",
        "[[<<keep the stat>>]]", "unknown chunk <<keep the stat>>; correct its name"),
    "missing figure": (
        LAMP, "01-lamp/switch.svg", "01-lamp/swatch.svg",
        "swatch.svg", "no figure figures/01-lamp/swatch.svg; draw it in figures/01-lamp/swatch.tex"),
    "missing transcript": (
        BELL, "#bell-ring ", "#bell-rung ",
        "#bell-rung", "no transcript figures/02-bell/bell-rung.txt for the run #bell-rung; record it with `make record`"),
    "name taken twice": (
        BELL, "{#bell-wrong}", "{#lamp-state}",
        "{#lamp-state}", "the name #lamp-state is already taken in chapters/01-lamp.nw"),
    "missing overlay": (
        BELL, "file=tests/02-bell/silent.nw", "file=tests/02-bell/loud.nw",
        "loud.nw", "no overlay tests/02-bell/loud.nw"),
    "missing included file": (
        BELL, "file=visitor.c", "file=visitors.c", "visitors.c", "no file visitors.c to include; give its path from the top"),
    "a code block without a run": (
        BELL, "```pseudo\n", "```c\n", "while the bell rings", "a code block with no run behind it"),
    "an unknown box": (
        BELL, "::: diary", "::: dairy", "::: dairy", 'unknown box "dairy"'),
    "rows of nothing": (
        BELL, "::: diary\n", "::: {.rows of=bells}\n:::\n\n::: diary\n", "::: {.rows", "there are no rows of that"),
    "a box left open": (
        BELL, "The bell rang twice.\n:::\n", "The bell rang twice.\n", "::: diary", "this ::: box is never closed"),
    "a box closed twice": (
        BELL, "The bell rang twice.\n:::\n", "The bell rang twice.\n:::\n:::\n", None, "this ::: closes nothing"),
    "a title that is not the room's": (
        BELL, "# The bell {#bell}", "# The bell {#bells}", "# The bell", "# The bell {#bell}"),
    "two titles": (
        BELL, "## What went wrong {#bell-wrong}", "# What went wrong {#bell-wrong}", "# What went wrong",
        "a chapter has one title"),
    "an undefined chunk": (
        BELL, "    <<count the ring>>\n", "    <<count the rong>>\n", "<<count the rong>>", "count the rong"),
}


def line_of(text, needle):
    return next(i for i, line in enumerate(text.splitlines(), 1) if needle in line)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_file_and_line(toy, mistake):
    file, old, new, where, message = MISTAKES[mistake]
    toy.change(file, old, new)
    status, said = toy.weave()
    assert status != 0
    assert message in said
    if where:
        assert f"{file}:{line_of(toy.read(file), where)}: error: " in said
    else:
        assert f"{file}:" in said
    assert not toy.path("html/bell.html").exists()


def test_a_draft_goes_on_without_transcripts(toy):
    toy.path("figures/02-bell/bell-ring.txt").unlink()
    assert toy.weave()[0] != 0
    assert toy.weave("html", "-d") == (0, "")
    assert "not recorded yet" in toy.read("html/bell.html")


def test_a_transcript_that_names_a_chunk_that_is_gone(toy):
    toy.change("figures/02-bell/bell-ring.txt", "count the ring", "count the rings")
    status, said = toy.weave()
    assert status != 0
    assert "figures/02-bell/bell-ring.txt:2: error: " in said and "record it again with `make record`" in said


def test_a_chapter_in_no_part(toy):
    toy.change("book.md", "      - bell: A bell that rings by itself.\n", "")
    status, said = toy.weave()
    assert status != 0 and "chapters/02-bell.nw:1: error: chapter bell stands in no part; add it to the parts" in said


def test_several_mistakes_are_told_at_once(toy):
    toy.change(BELL, "::: diary", "::: dairy")
    toy.change(BELL, "file=tests/02-bell/silent.nw", "file=tests/02-bell/loud.nw")
    said = toy.weave()[1]
    assert "dairy" in said and "loud.nw" in said and "2 errors" in said


def test_a_stale_figure_is_found_out(toy):
    toy.path("figures/style.tex").write_text("% a style\n")
    check = lambda: subprocess.run([TOP / "tools/weave/figure", "check"], cwd=toy.folder, capture_output=True, text=True)
    stale = check()
    assert stale.returncode == 1
    assert "figures/01-lamp/switch.tex:1: error: figures/01-lamp/switch.svg is missing or older" in stale.stderr
    assert "make figures" in stale.stderr
    total = subprocess.run("cat figures/style.tex figures/01-lamp/switch.tex | sha256sum | cut -c1-16", shell=True,
                           cwd=toy.folder, capture_output=True, text=True).stdout.strip()
    svg = toy.path("figures/01-lamp/switch.svg")
    svg.write_text(svg.read_text() + f"<!-- source {total} -->\n")
    assert check().returncode == 0
    toy.change("figures/01-lamp/switch.tex", "{dark}", "{darker}")
    assert check().returncode == 1


@pytest.mark.parametrize("line, bad", [
    ("Overfull \\hbox (12.3pt too wide) in paragraph at lines 3--4", True),
    ("Missing character: There is no 記 in font CharisSIL", True),
    ("LaTeX Warning: Reference `l9' on page 3 undefined on input line 7.", True),
    ("Package hyperref Warning: Token not allowed in a PDF string", True),
    ("LaTeX Font Info:    Trying to load font information for OT1+cmr", False),
    ("Underfull \\vbox (badness 10000) has occurred", False),
    ("Output written on build/pdf/book.xdv (900 pages, 33112 bytes).", True),
    ("Output written on build/pdf/book.xdv (899 pages, 33112 bytes).", False),
])
def test_the_log_of_the_pdf_must_be_clean(tmp_path, line, bad):
    log = tmp_path / "book.log"
    log.write_text(f"This is XeTeX\n{line}\nOutput written on book.pdf\n")
    done = subprocess.run([TOP / "tools/weave/check-log", log], capture_output=True, text=True)
    assert done.returncode == bad and bool(done.stderr) == bad
    assert not bad or line in done.stderr or "900 pages" in done.stderr
