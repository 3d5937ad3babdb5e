"""The small books on which the tools are tried."""
import pytest

from toy_book import CHAPTERS, Book


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


@pytest.fixture
def three(book):
    """A book of three chapters in which all is well."""
    for name, text in CHAPTERS.items():
        book.write(name, text)
    return book
