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
