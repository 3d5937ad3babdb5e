"""The exercise loop, sessions and recordings, as a reader and an author meet them: on a book of one chapter."""
import json
import pathlib
import shutil
import subprocess

import pytest

import harness  # noqa: F401
from harness import chapters

TOP = pathlib.Path(harness.TOP)

STUB = """kind: stub
since: 01
fails: boot.sum_of_squares
chunks: [[<<add up the squares>>]]

The sum is missing.

<<kernel/boot/squares.c>>=
#include "kernel/boot/test.h"

unsigned sum_of_squares(unsigned last);

unsigned sum_of_squares(unsigned last)
{
    unsigned sum = 0;

    <<add up the squares>>
    return sum;
}
@

<<add up the squares>>=
(void)last;
@
"""

TEST = """kind: test
since: 01

<<self-tests: declarations>>=
<<self-tests: declarations>>
void test_sum_of_squares(void);
@

<<self-tests: rows>>=
<<self-tests: rows>>
{ 1, "boot", "sum_of_squares", test_sum_of_squares },
@

<<kernel/boot/squares_test.c>>=
#include "kernel/boot/test.h"

unsigned sum_of_squares(unsigned last);
void test_sum_of_squares(void);

void test_sum_of_squares(void)
{
    CHECK_EQUAL(sum_of_squares(3), 14);
}
@
"""

ANSWER = """kind: {kind}
since: 01

<<add up the squares>>=
{code}
@
"""

EXERCISE = """

::: {.exercise #boot-squares stars=1 title="Squares"}
Add them up.

::: hint
One after the other.
:::
::: hint
From 1 to last.
:::
:::

::: {.run #boot-toy title="A run"}
:::
"""

RIGHT = "for (unsigned i = 1; i <= last; i++)\n    sum += i * i;"
ONE_SHORT = RIGHT.replace("<=", "<")


pytestmark = pytest.mark.limit(300)


@pytest.fixture
def book(tmp_path):
    """A book of chapter 01 alone, with one exercise; objects come from the cache of the real one."""
    first = chapters.chapter_paths()[0]
    for folder in ("chapters", "build", "work", "tangle", "figures"):
        (tmp_path / folder).mkdir()
    text = (TOP / first).read_text()
    # Its own exercises and runs stay at home: their files do, too.
    kept, depth = [], 0
    for line in text.split("\n"):
        if line.startswith((":::", "::::")):
            named = line.strip(":").strip()
            if depth:
                depth += 1 if named else -1
                continue
            if ".exercise" in named or ".run" in named or ".overlay" in named:
                depth = 1
                continue
        if not depth:
            kept.append(line)
    (tmp_path / first).write_text("\n".join(kept) + EXERCISE)
    for name in ("Makefile", "userland"):
        (tmp_path / name).symlink_to(TOP / name)
    shutil.copytree(TOP / "tools", tmp_path / "tools", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (TOP / "build/cache").mkdir(exist_ok=True, parents=True)
    (tmp_path / "build/cache").symlink_to(TOP / "build/cache")
    folder = tmp_path / "tests/01-boot/squares"
    folder.mkdir(parents=True)
    (folder / "stub.nw").write_text(STUB)
    (folder / "test.nw").write_text(TEST)
    (folder / "answer.nw").write_text(ANSWER.format(kind="answer", code=RIGHT))
    for name, code in (("one-short", ONE_SHORT), ("no-square", RIGHT.replace("i * i", "i")),
                       ("from-zero", "sum = last;")):
        (folder / f"wrong-{name}.nw").write_text(ANSWER.format(kind="wrong", code=code))
    return tmp_path


def run(book, *command):
    environment = harness.machine.clean_environment()
    result = subprocess.run(command, cwd=book, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=200, check=False)
    return result.returncode, result.stdout


def make(book, *arguments):
    return run(book, "make", "-s", *arguments)


def begin(book, code=None):
    status, said = make(book, "exercise", "EX=boot/squares")
    assert status == 0, said
    work = book / "work/boot/squares.nw"
    if code is not None:
        work.write_text(work.read_text().replace("(void)last;", code))
    return work


def test_an_answer_passes(book):
    begin(book, RIGHT)
    status, said = make(book, "check", "EX=boot/squares")
    assert status == 0 and "passed" in said, said


def test_the_unchanged_stub_fails(book):
    begin(book)
    status, said = make(book, "check", "EX=boot/squares")
    assert status != 0 and "boot.sum_of_squares" in said and "got 0, wanted 14" in said, said


def test_an_empty_answer_fails(book):
    work = begin(book)
    work.write_text("kind: answer\n\nNothing.\n")
    status, said = make(book, "check", "EX=boot/squares")
    assert status != 0 and "the answer is empty" in said, said


def test_an_error_of_the_compiler_shows_the_readers_line(book):
    work = begin(book, RIGHT.replace("sum +=", "summ +="))
    line = next(number for number, text in enumerate(work.read_text().split("\n"), 1) if "summ" in text)
    status, said = make(book, "check", "EX=boot/squares")
    assert status != 0 and f"your line: work/boot/squares.nw:{line}" in said and "summ" in said, said


def test_a_panic_is_told(book):
    begin(book, "last = *(volatile unsigned *)0xffff000000000000;")
    status, said = make(book, "check", "EX=boot/squares")
    assert status != 0 and "panic" in said, said


def test_what_the_exercise_does_not_list_may_not_be_changed(book):
    work = begin(book, RIGHT)
    work.write_text(work.read_text() + "\n<<kernel/boot/squares.c>>=\nint x;\n@\n")
    status, said = make(book, "check", "EX=boot/squares")
    assert status != 0 and "<<kernel/boot/squares.c>> may not be changed here" in said, said
    assert "work/boot/squares.nw:" in said


def test_an_answer_is_never_overwritten(book):
    work = begin(book, RIGHT)
    before = work.read_text()
    status, said = make(book, "exercise", "EX=boot/squares")
    assert status != 0 and "is there already" in said
    assert work.read_text() == before


def test_a_change_below_an_answer_is_told(book):
    begin(book, RIGHT)
    stub = book / "tests/01-boot/squares/stub.nw"
    stub.write_text(STUB.replace("(void)last;", "sum = 0 * last;"))
    status, said = make(book, "check", "EX=boot/squares")
    assert status == 0, said
    assert "tests/01-boot/squares/stub.nw:22: <<add up the squares>> has changed since you began" in said, said


def test_hints_come_one_by_one(book):
    said = [make(book, "hint", "EX=boot/squares")[1] for _ in range(3)]
    assert "Hint 1 of 2: One after the other." in said[0]
    assert "Hint 2 of 2: From 1 to last." in said[1]
    assert "all 2 hints" in said[2]


def test_grade_makes_a_table_and_json(book):
    begin(book, ONE_SHORT)
    status, said = make(book, "grade")
    assert status == 0 and "failed" in said and "0 of 1 passed" in said, said
    (result,) = json.loads((book / "build/grade.json").read_text())
    assert result["exercise"] == "boot/squares" and result["result"] == "failed"
    assert "got 5, wanted 14" in "\n".join(result["details"])


def test_an_unknown_exercise_names_its_neighbours(book):
    status, said = make(book, "check", "EX=boot/sqares")
    assert status != 0 and "near to it are boot/squares" in said, said


def test_an_exercise_is_proved(book):
    status, said = make(book, "prove", "EX=boot/squares")
    assert status == 0 and "proved" in said, said


def test_a_wrong_answer_that_passes_is_found(book):
    (book / "tests/01-boot/squares/wrong-one-short.nw").write_text(ANSWER.format(kind="wrong", code=RIGHT))
    status, said = make(book, "prove", "EX=boot/squares")
    assert status != 0 and "wrong-one-short.nw: this wrong answer passes" in said, said


def test_a_recording_is_the_same_again_and_a_stale_one_is_found(book):
    assert make(book, "record")[0] == 0
    (transcript,) = book.glob("figures/*/*.txt")
    assert "Nikki" in transcript.read_text()
    status, said = run(book, "tools/record", "--check", "--fresh")
    assert status == 0 and "1 booted, 0 wrong" in said, said
    transcript.write_text(transcript.read_text().replace("ok 1", "ok 7"))
    (transcript.parent / "gone.txt").write_text("nobody\n")
    status, said = make(book, "book-check")
    assert status != 0, said
    assert "chapters/01-boot.nw:" in said and "make record RUN=boot-toy" in said and "-ok 7" in said, said
    assert "gone.txt: no run of the chapters makes this transcript" in said, said
    transcript.unlink()
    status, said = make(book, "book-check")
    assert status != 0 and "has no transcript" in said, said


def test_an_unknown_run_lists_the_runs(book):
    status, said = make(book, "record", "RUN=boot-nothing")
    assert status != 0 and "boot-toy" in said, said


def test_unknown_bug_and_missing_script(book):
    status, said = make(book, "reenact", "BUG=boot/none")
    assert status != 0 and "there is no such overlay" in said, said
    status, said = run(book, "tools/session", "build", "none.txt")
    assert status != 0 and "there is no such file" in said, said


@pytest.mark.chapter(5)
@pytest.mark.limit(400)
def test_a_session_runs_its_lines(tmp_path):
    """On the real kernel, through GRUB: each line at the prompt, the verdict in the exit status."""
    if chapters.chapter_numbers()[-1] < 5:
        pytest.skip("no prompt yet")
    script = tmp_path / "script"
    folder = harness.machine.build(goals=("kernel", "iso"), werror=True)
    environment = harness.machine.clean_environment(CMDLINE="monitor", DISK="none")

    def session(lines):
        script.write_text(lines)
        return subprocess.run(["tools/session", folder, script], env=environment, capture_output=True, text=True,
                              timeout=190, check=False)

    result = session("help\nselftest boot\n")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "monitor> help" in result.stdout and "1.." in result.stdout
    result = session("panic\nhelp\n")
    assert result.returncode != 0 and "verdict: panic" in result.stderr, result.stdout + result.stderr
