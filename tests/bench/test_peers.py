"""The benchmark beside other engines, as far as it runs without them."""

import io
import os
import socket
import sys
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bench.peers import __main__ as peers
from bench.peers import inputs, parties, party
from rich.console import Console

from turncoat.jobs import models

WRITES_ITS_ID = "import os, pathlib, time; pathlib.Path('id').write_text(str(os.getpid())); time.sleep(60)"
FAILS_AFTER_IT = """
import pathlib, sys, time
while not (pathlib.Path("id").exists() and pathlib.Path("id").read_text()):
    time.sleep(0.01)
print("the dealer\\nis gone", flush=True)
sys.exit(3)
"""


def python(code):
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("lr 64-10", models.logistic_regression(64, 10)),
        ("lr 784-10", models.logistic_regression(784, 10)),
        ("mlp 784-128-10", models.mlp(784, 10)),
    ],
)
def test_expected_is_the_models_own_step(name, model):
    given = inputs.inputs(inputs.MODELS[name])
    assert inputs.MODELS[name] == model.widths
    params = {n: jnp.asarray(a) for n, a in given.items() if n not in "xy"}
    step = jax.jit(partial(model.step, learning_rate=party.RATE))
    found = {n: np.asarray(a) for n, a in step(params, given["x"], given["y"]).items()}
    assert inputs.deviation(found, given) < 1e-6
    assert inputs.deviation({n: np.asarray(a) for n, a in params.items()}, given) > 1e-3


def test_one_of_our_engines_end_to_end():
    entrant = next(e for e in peers.ENTRANTS if e.name == "reals")
    found = peers.measured(entrant, "lr 64-10", sys.executable, repetitions=3, deadline=120)
    assert (found["model"], found["engine"], found["processes"]) == ("lr 64-10", "reals", 1)
    assert 0 < found["least_ms"] <= found["median_ms"]
    assert 20 < found["imported_mib"] <= found["peak_mib"] < 2000
    assert 1e-8 < found["off_by"] < 1e-4  # protocol `crypten`, against the exact softmax
    assert found["sent_bytes"] is None


def test_a_step_lasts_as_long_as_its_slowest_party_and_costs_what_all_do():
    def one(walls, cpus, sent, peak):
        times = [{"wall_ms": w, "cpu_ms": c} for w, c in zip(walls, cpus, strict=True)]
        return {
            "times": times,
            "sent_bytes": sent,
            "peak_mib": peak,
            "imported_mib": peak / 2,
            "version": "x 1",
        }

    found = peers.row([one([1, 9, 3], [1, 2, 4], 10, 50), one([2, 4, 8], [5, 1, 4], 30, 80)])
    assert found == {
        "median_ms": 8, "least_ms": 2, "cpu_ms": 3, "sent_bytes": 40, "peak_mib": 80, "imported_mib": 40,
        "version": "x 1",
    }  # fmt: skip


def test_the_table_has_ratios_to_replicated():
    common = {"model": "lr 64-10", "processes": 1, "median_ms": 9.0, "least_ms": 8.0, "peak_mib": 5.0}
    common |= {"imported_mib": 4.0, "off_by": 1e-5, "version": "x 1"}
    rows = [
        common | {"engine": "reals", "cpu_ms": 1.0, "sent_bytes": None},
        common | {"engine": "replicated", "cpu_ms": 4.0, "sent_bytes": 2_500_000},
        common | {"engine": "spu, ABY3", "cpu_ms": 10.0, "sent_bytes": 0, "processes": 3},
    ]
    printed = io.StringIO()
    Console(width=140, file=printed).print(peers.table("lr 64-10", rows))
    lines = [line.replace("│", " ").split() for line in printed.getvalue().splitlines()]
    cells = {line[0]: line for line in lines if line and line[0] in ("reals", "replicated", "spu,")}
    assert cells["reals"][1:] == ["1", "9.00", "8.00", "1.00", "0.25", "5", "4", "1.0e-05"]
    assert cells["replicated"][4:7] == ["4.00", "1.00", "2.50"]
    assert cells["spu,"][2:8] == ["3", "9.00", "8.00", "10.00", "2.50", "0.00"]


@pytest.mark.parametrize(
    ("needs", "lacks"),
    [
        ((), False),
        (("json", "numpy"), False),
        (("json", "no_such_engine"), True),
        (("no_such_engine",), True),
    ],
)
def test_whether_an_interpreter_has_a_peer(needs, lacks):
    assert peers.missing(sys.executable, needs) is lacks


def test_a_peer_that_is_not_installed_is_a_line_and_no_error(monkeypatch, capsys):
    absent = tuple(peers.Entrant(f, f, processes=3, needs=("no_such_engine",)) for f in ("spu", "crypten"))
    monkeypatch.setattr(peers, "ENTRANTS", absent)
    monkeypatch.setattr(sys, "argv", ["bench.peers", "lr 64-10"])
    with pytest.raises(SystemExit) as ended:
        peers.main()
    said = capsys.readouterr().out
    assert ended.value.code == 0
    for file in ("crypten", "spu"):
        (line,) = [line for line in said.splitlines() if line.startswith(f"{file}: not installed")]
        assert "docs/engines.md" in line


def test_a_peer_that_fails_is_a_line_and_a_status(monkeypatch, capsys):
    def fails(*_):
        raise parties.Failed("party 2 ended with status 3: no route")

    monkeypatch.setattr(peers, "ENTRANTS", (peers.Entrant("spu, ABY3", "spu"),))
    monkeypatch.setattr(peers, "measured", fails)
    monkeypatch.setattr(sys, "argv", ["bench.peers", "lr 64-10"])
    with pytest.raises(SystemExit) as ended:
        peers.main()
    assert ended.value.code == 1
    assert "spu, ABY3, lr 64-10: failed: party 2 ended with status 3: no route" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [["lr 65-10"], ["--spu-python", "no/such/python"], ["--repetitions", "0"]], ids=lambda a: a[0]
)
def test_refused_options(argv, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench.peers", *argv])
    with pytest.raises(SystemExit) as ended:
        peers.options()
    assert ended.value.code == 2
    assert argv[-1] in capsys.readouterr().err or argv[0] == "--repetitions"


# ---- the owner of the processes ---------------------------------------------------------------------------


def test_parties_that_end_well(tmp_path):
    code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[1]); print('done')"
    parties.run([[*python(code), name] for name in ("a", "b")], tmp_path, 60, where=tmp_path)
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["a", "b"]
    assert parties.last_words(tmp_path / "party1.log") == "done"


def test_the_first_failure_ends_all_and_is_quoted(tmp_path):
    began = time.monotonic()
    with pytest.raises(parties.Failed, match=r"^party 1 ended with status 3: the dealer is gone$"):
        parties.run([python(WRITES_ITS_ID), python(FAILS_AFTER_IT)], tmp_path, 50, where=tmp_path)
    assert time.monotonic() - began < 40
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "id").read_text()), 0)


def test_the_deadline_ends_all(tmp_path):
    began = time.monotonic()
    with pytest.raises(parties.Failed, match=r"^party 1 was not done after 0\.5 seconds: "):
        parties.run([python("pass"), python("import time; time.sleep(60)")], tmp_path, 0.5)
    assert time.monotonic() - began < 40


def test_a_command_that_cannot_start_leaves_none_running(tmp_path):
    with pytest.raises(FileNotFoundError):
        parties.run([python("import time; time.sleep(60)"), ["no-such-program"]], tmp_path, 50)


@pytest.mark.parametrize(
    ("said", "quoted"), [("", "it said nothing"), ("a\n  b\n", "a b"), ("x" * 500, "x" * parties.LAST_WORDS)]
)
def test_last_words(said, quoted, tmp_path):
    (tmp_path / "log").write_text(said)
    assert parties.last_words(tmp_path / "log") == quoted


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts its parent's memory too elsewhere")
def test_memory_is_this_process_s_own(tmp_path):
    """A process that holds 300 MiB starts one that needs less; and one that needs 300 MiB says so."""
    held = bytearray(300 * 2**20)
    code = "import sys; from bench.peers.party import peak_mib; b = bytearray(int(sys.argv[1])); print(peak_mib())"
    parties.run([[*python(code), str(n)] for n in (0, 300 * 2**20)], tmp_path, 60, where=peers.ROOT)
    small, large = (float(parties.last_words(tmp_path / f"party{i}.log")) for i in range(2))
    assert 5 < small < 200 < 290 < large < 500 and len(held) == 300 * 2**20


def test_free_ports_are_different_and_free():
    ports = parties.free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
