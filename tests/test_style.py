"""The rules of style that are enforced: sizes of chunks and functions, contracts, width (make style tells more)."""
import functools

import pytest

from nikki import chapters, style


@functools.cache
def problems():
    return style.problems()


@pytest.mark.parametrize("path", [pytest.param(path, marks=pytest.mark.chapter(int(path[9:11])), id=path[9:-3])
                                  for path in chapters.chapter_paths()])
def test_style(path):
    mine = [problem for problem in problems() if problem.startswith(path)]
    assert not mine, "\n".join(mine)


def test_the_table_of_lines_adds_up(capsys):
    style.report()
    table = capsys.readouterr().out.split("lines of code")[1]
    rows = {words[0]: [float(word) for word in words[1:]] for words in map(str.split, table.splitlines()[2:])}
    sums = [rows.pop(name) for name in ("kernel", "programs", "all")]
    assert len(rows) == len(chapters.chapter_paths())
    for row in [*rows.values(), *sums]:
        everything, told, _, shop, tests, _ = row
        assert everything == told + shop and tests <= shop
    for column in (0, 1, 3, 4):
        assert sums[0][column] + sums[1][column] == sums[2][column] == sum(row[column] for row in rows.values())


def test_lines_of_the_workshop_are_counted_apart(tmp_path):
    path = tmp_path / "01-lamp.nw"
    path.write_text("# The lamp\n\nOne two three.\n\n<<a>>=\nint a;\n\nint b;\n@\n\n## Workshop {.workshop}\n\nFour.\n\n"
                    "<<kernel/lamp/lamp_test.c>>=\nint c;\n<<d>>\n@\n\nFive six.\n\n<<d>>=\nint d;\n@\n\n<<e>>=\nint e;\n@\n")
    chapter = chapters.File(str(path))
    book = {chunk.name: [chunk] for chunk in chapter.chunks}
    lines = style.Lines.of(chapter, style.test_lines(book))
    assert (lines.told, lines.shop, lines.tests) == (2, 4, 2)
    assert (lines.told_words, lines.shop_words) == (5, 5)
