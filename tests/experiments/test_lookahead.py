"""Experiments side by side: what workers finish before is what their runs find, and refusals are left to the runs."""

from turncoat.experiments import blocks, lookahead, store
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import Store
from turncoat.jobs.setup import Setup

SMALL = Setup("digits", epochs=1)
OTHER = Setup("digits", epochs=1, learning_rate=0.1)
EVERY = (
    Experiment("backdoor", SMALL, trials=2),
    Experiment("availability", SMALL, trials=2),
    Experiment("leak-by-abort", SMALL, trials=2),  # refused: nothing is checked
    Experiment("backdoor", OTHER, trials=2),
)


def test_a_worker_has_what_is_on_one_job_and_the_runs_find_it(tmp_path):
    given, told = [], []

    def each(function, items):
        for item in items:
            given.append([(block.attack.name, block.numbers) for block in item])
            yield function(item)

    memory = Memory(Store(tmp_path), each=each, workers=2)
    lookahead.ahead(EVERY, memory, lambda *said: told.append(said))
    assert given == [[("backdoor", (0, 1)), ("availability", (0, 1))], [("backdoor", (0, 1))]]
    assert told == [(blocks.WAITING, done, 2) for done in range(3)]
    finished = set(memory.store.paths())
    for one in (EVERY[0], EVERY[1], EVERY[3]):
        alone = run(one, memory=Memory(store.NOTHING))
        found = run(one, memory=Memory(Store(tmp_path)))
        assert found.per_trial == alone.per_trial
    assert set(Store(tmp_path).paths()) == finished  # nothing was computed again
    lookahead.ahead(EVERY, memory, lambda *_: None)
    assert len(given) == 2


def test_without_workers_nothing_is_planned():
    def nobody():
        raise AssertionError
        yield

    lookahead.ahead(nobody(), Memory(store.NOTHING), lambda *_: None)
