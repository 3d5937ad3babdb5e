"""The fuzzers of volumes and folders without their clang: the inputs that were kept, and some made from them by chance."""
import pytest

from fuzzing import corpus, replay

pytestmark = pytest.mark.chapter(9)


@pytest.mark.parametrize("target", ["volume", "folder"])
def test_inputs_and_what_is_made_of_them(target):
    assert len(corpus(target)) <= 30
    assert "10000 made from them" in replay(target, 10000)


@pytest.mark.parametrize("overlay, target, seen", [
    ("ignores-chain-cycle", "volume", "the cache is asked"),
    ("believes-the-hint", "volume", "bytes were free"),
    ("believes-the-last-link", "volume", "mended, and"),
    ("forgets-a-name", "volume", "is not found"),
    ("ignores-checksum", "folder", "is called 'a stolen name.txt'"),
])
def test_planted_bugs_are_found(overlay, target, seen):
    with pytest.raises(AssertionError, match=seen):
        replay(target, 10000, overlay=f"tests/09-fat32/{overlay}.nw")
