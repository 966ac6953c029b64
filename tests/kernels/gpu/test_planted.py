"""In the simulator: the planted bugs that it can see. The others are for the emulation: see test_emulated.py."""

import pytest
import simulated

if not simulated.CHOSEN:
    pytest.skip("runs in the simulator: see test_simulator.py", allow_module_level=True)

from gpu_bugs import BUGS, WORK, planted, seen

SEEN = [name for name, bug in BUGS.items() if bug.simulated]


@pytest.fixture(autouse=True)
def tiny():
    simulated.gpu()


@pytest.mark.parametrize("name", SEEN)
def test_a_planted_bug_is_seen(name):
    bug = BUGS[name]
    with planted(bug) as wrong:
        shown = seen(bug.work, wrong)
    assert any(sign in shown for sign in bug.simulated.split("|")), shown or "nothing was seen"


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_without_one_nothing_is_seen(work):
    assert seen(work, WORK[work]) == ""
