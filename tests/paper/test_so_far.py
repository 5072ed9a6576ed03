"""How far a table is."""

import pytest

from turncoat import paper
from turncoat.experiments.attacked import WHAT
from turncoat.paper import so_far
from turncoat.paper.options import Options
from turncoat.paper.rows import Experiments
from turncoat.paper.table import Table


class Two(Experiments):
    """Rows of which each says how far its trials are."""

    def __call__(self, options):
        for line in self.lines:
            options.progress(f"planning {line.title}", 1, 3)
            options.progress(WHAT, 1, 2)
            yield line.title


def test_a_table_is_as_far_as_its_rows_and_a_row_as_its_trials():
    told, lines = [], paper.get("table3").rows.lines[:2]
    options = Options(progress=lambda *said: told.append(said))
    assert list(so_far.telling(Table("", "", Two(lines))).rows(options)) == [line.title for line in lines]
    assert [done for what, done, _ in told if what == "the whole table"] == [0, 250, 500, 750, 1000]
    assert (f"planning {lines[0].title}", 1, 3) in told and told.count((WHAT, 1, 2)) == 2


@pytest.mark.parametrize(("name", "rows"), [("table2", 15), ("table4", 14), ("figure3", 4)])
def test_the_rows_of_a_table_are_counted(name, rows):
    assert so_far.count(paper.get(name), Options()) == rows
    assert 0 < so_far.count(paper.get(name), Options(data="digits")) <= rows


def test_a_table_whose_rows_nobody_knows_before_is_left_as_it_is():
    table = paper.get("table1")
    assert so_far.telling(table) is table
