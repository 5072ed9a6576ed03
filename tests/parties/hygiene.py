"""What happens to the others when one party is killed."""

import threading
import time

import numpy as np
import pytest

from turncoat.parties import launcher, session


def killed_at_random(chosen, recorded, more, party, latest, monkeypatch):
    """Runs the parties, kills one of them within `latest` seconds, and checks that all end and it is named."""
    children, started, done = [], launcher._started, []

    def remembered(*given):
        children.append(started(*given))
        return children[-1]

    def kill():
        while len(children) < chosen.parties:
            time.sleep(0.01)
        time.sleep(np.random.default_rng(party).uniform(0, latest))
        children[party].kill()
        done.append(time.monotonic())

    monkeypatch.setattr(launcher, "_started", remembered)
    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(launcher.Failed, match=f"party {party} was ended by signal 9"):
        session.run(chosen, recorded.tape, recorded.inputs, {}, more)
    thread.join()
    assert time.monotonic() - done[0] < 10
    assert all(child.returncode is not None for child in children)
