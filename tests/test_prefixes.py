"""Every prefix of the book builds without warnings, boots through GRUB and passes its self-tests."""
import pytest

from nikki import chapters, prefixes


@pytest.mark.limit(300)
@pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.chapter(n), id=chapters.chapter_stem(str(n)))
                                    for n in chapters.chapter_numbers()])
def test_prefix(number):
    row = prefixes.examine(number)
    assert row.good, "\n".join(row.reasons)
