"""How far a table is."""

from turncoat import attacks, paper
from turncoat.experiments.attacked import WHAT
from turncoat.paper import so_far
from turncoat.paper.options import Options
from turncoat.paper.rows import Experiments
from turncoat.paper.table import Table


class Two(Experiments):
    """Rows of which each says how far its trials are."""

    def __call__(self, options):
        for line in self.lines:
            options.progress(WHAT, 0, 2)
            options.progress("searching for errors", 1, 5)
            options.progress(WHAT, 1, 2)
            yield line.title


def test_a_table_is_as_far_as_its_rows_and_a_row_as_its_trials():
    told, lines = [], paper.get("table3").rows.lines[:2]
    options = Options(progress=lambda *said: told.append(said))
    assert list(so_far.telling(Table("", "", Two(lines))).rows(options)) == [line.title for line in lines]
    whole = [done for what, done, _ in told if what == "the whole table"]
    assert whole == [0, 0, 300, 300, 500, 500, 800, 800, 1000]
    assert told.count(("searching for errors", 1, 5)) == told.count((WHAT, 1, 2)) == 2


def test_a_search_takes_longer_than_other_attacks():
    weights = so_far._weights(paper.get("table2"), Options())
    assert (
        len(weights) == len(attacks.CATALOGUE)
        and max(weights) == weights[list(attacks.CATALOGUE).index("search")]
    )


def test_a_table_whose_rows_nobody_knows_before_is_left_as_it_is():
    table = paper.get("table1")
    assert so_far.telling(table) is table
