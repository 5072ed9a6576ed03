"""Executors: two workers, one of which dies, compute what one process does, bit for bit."""

import importlib.util
import os
import sys

import pytest

from experiments.test_cells import said
from turncoat.experiments import executors, store
from turncoat.experiments.attacked import Cells
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import Store
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

OPTIMISED = True  # as the workers are, which know nothing of these tests
EXPERIMENT = Experiment("backdoor", Setup("breast_cancer", epochs=1), {}, trials=4)
NAMES = [
    pytest.param("local"),
    pytest.param(
        "dask", marks=pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason="no dask")
    ),
    pytest.param("ray", marks=pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="no Ray")),
]
MORTAL = """
import os, signal, time
from turncoat.experiments import blocks

def finish(some):
    mark = os.path.join(some[0].folder, "died")
    if any(3 in block.numbers for block in some) and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return blocks.finish(some)

def die_once(path):
    if path.endswith("x-mortal") and not os.path.exists(path):
        open(path, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.path.basename(path)

def die(path):
    if path == "always":
        os.kill(os.getpid(), signal.SIGKILL)
    return path
"""


@pytest.fixture
def mortal(tmp_path, monkeypatch):
    (tmp_path / "mortal.py").write_text(MORTAL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setenv("TURNCOAT_RAY_MAY_LISTEN", "1")
    return __import__("mortal")


LOUD = ("Deprecation", "Resource", "Future", "Runtime", "pytest.PytestUnraisableException")
"""What dask and Ray warn of themselves, such as that Ray forks."""


@pytest.mark.filterwarnings(*(f"ignore::{name}Warning" for name in LOUD))
@pytest.mark.parametrize("name", NAMES)
def test_two_workers_one_of_which_dies_find_what_one_process_does(name, mortal, tmp_path, monkeypatch):
    alone = run(EXPERIMENT, memory=Memory(store.NOTHING))
    monkeypatch.setattr("turncoat.experiments.blocks.finish", mortal.finish)
    kept = Store(tmp_path / "cells")
    with executors.get(name, 2).started() as each:
        memory = Memory(kept, each=each, workers=2)
        with monkeypatch.context() as patch:
            patch.setattr(Cells, "drawn", lambda *_: iter(()))  # nothing is left to be computed here
            found = run(EXPERIMENT, memory=memory)
    assert (tmp_path / "cells" / "died").exists() and memory.finished >= 4
    assert said(found) == said(alone)


def test_an_item_is_run_again_where_a_worker_died_of_it_but_not_for_ever(mortal, tmp_path):
    with executors.get("local", 2).started() as each:
        items = [str(tmp_path / n) for n in ("a", "mortal-no", "x-mortal", "b")]
        assert sorted(each(mortal.die_once, items)) == ["a", "b", "mortal-no", "x-mortal"]
        assert sorted(each(mortal.die, ["a", "always", "b"])) == ["a", "b"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("nope", 2), "no executor 'nope'"),
        (("local", 0), "at least one worker"),
        (("local", 2, "tcp://x"), "have no address"),
    ],
)
def test_what_is_no_executor_is_refused(asked, says):
    with pytest.raises(Refusal, match=says):
        executors.get(*asked)


def test_one_worker_here_is_the_run_itself():
    assert executors.get("local", 1) is None


def test_ray_starts_on_the_users_word_alone(monkeypatch):
    monkeypatch.setattr("turncoat.experiments.executors.on_ray.find_spec", lambda name: name)
    monkeypatch.delenv("TURNCOAT_RAY_MAY_LISTEN", raising=False)
    with pytest.raises(Refusal, match="listens on all network interfaces"):
        executors.get("ray", 2)
    monkeypatch.setenv("TURNCOAT_RAY_MAY_LISTEN", "1")
    assert executors.get("ray", 2).workers == 2


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_what_is_not_installed_is_said(monkeypatch, name):
    monkeypatch.setattr(f"turncoat.experiments.executors.on_{name}.find_spec", lambda _: None)
    with pytest.raises(Refusal, match="not installed: pip install"):
        executors.get(name, 2)
