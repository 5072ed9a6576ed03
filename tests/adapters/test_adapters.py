"""Each adapter on training jobs of its framework: what runs under the protocol is what its user wrote."""

from dataclasses import dataclass

import pytest

from adapters.frameworks import JOBS
from adapters.training import both, distance
from turncoat.jobs.leaves import named


@dataclass(frozen=True)
class Row:
    """What a job gives: an accuracy above this, weights that a site shifts, how many arrays it keeps beside its
    parameters, and whether its step draws."""

    accuracy: float
    last: str
    kept: int = 0
    draws: bool = False


TABLE = {
    "linen_cnn": Row(0.8, "params/Dense_0/kernel", 2, True),
    "linen_attention": Row(0.7, "params/Dense_1/kernel", 0, True),
    "linen_one_output": Row(0.9, "params/layers_2/kernel"),
    "nnx_mlp": Row(0.8, "params/last/kernel"),
    "nnx_normed": Row(0.8, "params/layers/1/kernel", 2, True),
    "equinox_normed": Row(0.8, "params/last/weight", 3, True),
    "equinox_gru": Row(0.6, "params/last/weight"),
    "haiku_cnn": Row(0.8, "params/linear/w", 6, True),
    "haiku_lstm": Row(0.5, "params/linear/w"),
    "keras_cnn": Row(0.8, "params/net/last/kernel", 2, True),
    "keras_lstm": Row(0.5, "params/last/kernel"),
    "keras_one_output": Row(0.9, "params/binary/last/kernel"),
}


def test_the_table_has_a_row_for_each_job():
    assert TABLE.keys() == JOBS.keys()


@pytest.mark.parametrize("name", JOBS)
def test_a_job_trains_under_the_protocol_as_it_does_without(name):
    row, found = TABLE[name], both(JOBS[name]())
    assert distance(found.secured, found.plain) < 1e-5
    assert found.accuracy > row.accuracy
    assert (distance(found.plain, found.other) > 1e-3) == row.draws
    leaves = named(found.secured)
    trained = [leaf for leaf in leaves if leaf.startswith("params/")]
    assert len(leaves) - len(trained) == row.kept and not any(leaf.startswith("optimizer") for leaf in leaves)
    assert set(trained) <= set(found.surface.outputs)
    assert found.surface.shiftable()[row.last]
