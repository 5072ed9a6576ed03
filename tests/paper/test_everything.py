"""All tables and figures, quickly or in full: which rows, how many trials, and what is told meanwhile."""

import pytest

from turncoat import paper
from turncoat.paper import rows, table2
from turncoat.paper.options import FEW, Options
from turncoat.refusal import Refusal
from turncoat.results.json import from_json, to_json

RUN = []


@pytest.fixture(scope="module")
def quick():
    """Every row of a quick run, none of them computed."""

    def run(experiment, progress, memory):
        RUN.append(experiment)
        raise Refusal("not here")

    told = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (rows, table2):
            patch.setattr(module, "run", run)
        some = {name: table for name, table in paper.CATALOGUE.items() if name != "table1"}
        yield paper.everything(some, Options(quick=True, progress=lambda *said: told.append(said))), told


def test_a_quick_run_has_embedded_data_alone_and_few_trials(quick):
    found, _ = quick
    assert {e.job.data for e in RUN} == {"digits"} and {e.trials for e in RUN} == {FEW}
    assert found.quick and from_json(to_json(found)) == found


def test_every_table_with_rows_of_these_data_is_there(quick):
    found, told = quick
    names = [one.table for one in found.tables]
    assert names == [t.name for t in paper.CATALOGUE.values() if t.name in names]
    assert {"Table 3", "Table 4", "Table 5", "Table 7", "Table 8", "Figure 2", "Figure 3"} <= set(names)
    assert told[0] == ("the whole paper", 0, 9) and told[-1] == ("the whole paper", 9, 9)


def test_table_1_takes_a_quick_run():
    assert next(iter(paper.CATALOGUE["table1"].rows(Options(quick=True)))).name


def test_what_was_asked_for_counts():
    assert (Options(quick=True).count(10), Options().count(10), Options(3, quick=True).count(10)) == (
        FEW,
        10,
        3,
    )
