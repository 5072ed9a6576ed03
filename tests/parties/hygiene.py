"""What happens to the others when one party is killed."""

import threading
import time

import numpy as np
import pytest

from turncoat.parties import launcher, session


def _killed_after(seconds, chosen, recorded, more, party):
    """Runs the parties and kills one of them; its processes, whether it still ran, and what was said of it."""
    children, started, done, said = [], launcher._started, [], None

    def remembered(*given):
        children.append(started(*given))
        return children[-1]

    def kill():
        while len(children) < chosen.parties:
            time.sleep(0.01)
        time.sleep(seconds)
        children[party].kill()
        done.append(time.monotonic())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launcher, "_started", remembered)
        thread = threading.Thread(target=kill)
        thread.start()
        try:
            session.run(chosen, recorded.tape, recorded.inputs, {}, more)
        except launcher.Failed as failure:
            said = str(failure)
        ended = time.monotonic()
        thread.join()
    return children, ended - done[0], said


def killed_at_random(chosen, recorded, more, party, latest):
    """Kills one party within `latest` seconds, sooner where the run was over by then; all end and it is named."""
    children, seconds, said = [], 0.0, None
    moments = np.random.default_rng(party).uniform(0, latest) * 0.5 ** np.arange(6)
    for moment in moments:
        children, seconds, said = _killed_after(moment, chosen, recorded, more, party)
        if said is not None:
            break
    assert said is not None and f"party {party} was ended by signal 9" in said
    assert seconds < 10
    assert all(child.returncode is not None for child in children)
