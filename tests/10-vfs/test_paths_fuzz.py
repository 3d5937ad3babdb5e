"""The fuzzer of paths without its clang: the inputs that were kept, and some made from them by chance."""
import pytest

from fuzzing import replay

pytestmark = pytest.mark.chapter(10)


def test_inputs_and_what_is_made_of_them():
    assert "20000 made from them" in replay("path", 20000)


def test_a_planted_bug_is_found():
    with pytest.raises(AssertionError, match="from .*: 0, wanted -31"):
        replay("path", 20000, overlay="tests/10-vfs/climbs-out.nw")
