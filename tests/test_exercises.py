"""Every exercise keeps its promise: the stub fails, the answers pass, the wrong answers fail."""
import pytest

from nikki import exercises, sample

SAMPLE = 3


def cases():
    every = exercises.every()
    chosen = sample.choose(every, lambda exercise: [exercise.folder], SAMPLE, lambda exercise: exercise.name)
    for exercise in every:
        marks = [pytest.mark.chapter(exercise.chapter), pytest.mark.limit(600)]
        if exercise.name not in chosen:
            marks.append(pytest.mark.sampled_out)
        yield pytest.param(exercise, id=exercise.name, marks=marks)


@pytest.mark.parametrize("exercise", cases())
def test_exercise(exercise):
    wrong = exercises.prove(exercise)
    assert not wrong, "\n".join(wrong)
