"""What every grader must do with a right answer, a wrong one, and none."""


def accepts(exercise, answer):
    """A right answer passes, again and again with the same words."""
    verdict = exercise.grade(answer)
    assert verdict.right and verdict.written, verdict.text
    assert exercise.grade(answer) == verdict


def refuses(exercise, answer, cause):
    """A wrong answer fails with a hint in which the cause is named, again and again with the same words."""
    verdict = exercise.grade(answer)
    assert not verdict.right and verdict.written
    assert cause in verdict.text, verdict.text
    assert exercise.grade(answer) == verdict


def not_written(exercise):
    """The stub is no wrong answer."""

    def stub(*arguments):
        raise NotImplementedError

    verdict = exercise.grade(stub)
    assert not verdict.right and not verdict.written and "not written yet" in verdict.heading
