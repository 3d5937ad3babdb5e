"""Every overlay does what its header says: on the first prefix that it fits, and on the full kernel."""
import pytest

from harness import chapters, overlays
from nikki import sample

SAMPLE = 8


def cases():
    every = overlays.promised()
    chosen = sample.choose(every, lambda overlay: [overlay.path], SAMPLE, lambda overlay: overlay.label)
    last = chapters.chapter_numbers()[-1]
    for overlay in every:
        for upto in [f"{overlay.since:02}"] + ([""] if overlay.since < last else []):
            marks = [pytest.mark.chapter(overlay.chapter), pytest.mark.limit(300)]
            if overlay.label not in chosen:
                marks.append(pytest.mark.sampled_out)
            yield pytest.param(overlay, upto, id=f"{overlay.label}-{upto or 'all'}", marks=marks)


@pytest.mark.parametrize("overlay, upto", cases())
def test_overlay(overlay, upto):
    wrong = overlays.judge(overlay, upto)
    assert not wrong, "\n".join(wrong)
