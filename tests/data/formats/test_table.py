"""Tables: what becomes of a text, or the sentence that refuses it; each row is one file."""

import sys

import numpy as np
import pytest

from turncoat.data import load
from turncoat.data.formats.features import MOST_VALUES
from turncoat.data.formats.text_table import read_text_table

X = np.array([[0.5, 1.0], [1.5, 2.0], [-2.5, 3.0]])
Y = np.array([0, 1, 1])
MANY = range(MOST_VALUES + 1)


@pytest.fixture
def table(tmp_path):
    def save(text, encoding="utf-8", name="mine.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return save


# ---- the same three records, however they are written ------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("a,b,y\n0.5,1,0\n1.5,2,1\n-2.5,3,1\n", {}),
        ("0.5,1,0\n1.5,2,1\n-2.5,3,1\n", {"label": "3"}),
        ("Label,a,b\n0,0.5,1\n1,1.5,2\n1,-2.5,3\n", {}),
        ("\ufeffa,y,b\r\n0.5,0,1\r\n1.5,1,2\r\n-2.5,1,3", {}),
        ('"a","#b","y"\n0.5,"1",0\n1.5,2,1\n-2.5,3,1\n', {}),
        (" a , b , Target \n 0.5 , 1 , no \n 1.5 , 2 , yes \n -2.5 , 3 , yes \n", {}),
        ("\n\na,b,y\n0.5,1,0\n\n1.5,2,1\n,,\n-2.5,3,1\n\n", {}),
        ("a;b;y\n0,5;1;0\n1,5;2;1\n-2,5;3;1\n", {}),
        ("0,5;1;0\n1,5;2;1\n-2,5;3;1\n", {"label": "3"}),
        ("sep=;\r\na;b;y\r\n0.5;1;0\r\n1.5;2;1\r\n-2.5;3;1\r\n", {}),
        ("sep=|\na|b|y\n0.5|1|n\n1.5|2|y\n-2.5|3|y\n", {}),
        ("a\tb\ty\n0,5\t1\t0\n1,5\t2\t1\n-2,5\t3\t1\n", {}),
        ("0,1,y\n0.5,1,0\n1.5,2,1\n-2.5,3,1\n", {}),  # pandas names columns by numbers
        ("a,b,x,y\n0.5,1,red,0\n1.5,2,blue,1\n-2.5,3,green,1\n", {"drop": ("x",)}),
        ("a,b,when,y\n0.5,1,2020-01-01,0\n1.5,2,,1\n-2.5,3,inf,1\n", {"drop": ("when",)}),
        ("a,b,class,y\n0.5,1,1,0\n1.5,2,1,1\n-2.5,3,2,1\n", {"label": "y", "drop": ("class",)}),
        ("userId,a,b,y\n1,0.5,1,0\n2,1.5,2,1\n3,-2.5,3,1\n", {}),
        ("a,,y,b\n0.5,0,0,1\n1.5,1,1,2\n-2.5,2,1,3\n", {}),
        ("a,b,y\n0.5,1,-1\n1.5,2,1\n-2.5,3,1\n", {}),
        ("a,b,y\n0.5,1,1.5\n1.5,2,2.5\n-2.5,3,2.5\n", {}),
        ("a,b,y\n0.5,1,Apnea\n1.5,2,None\n-2.5,3,None\n", {}),  # among words they mean themselves
        ("a,b,y\n5e-1,+1.,0\n15E-1,2,1\n-2.5,3,1\n", {}),
        ('a,b,"the\nlabel"\n0.5,1,0\n1.5,2,1\n-2.5,3,1\n', {"label": "the\nlabel"}),
    ],
)
def test_three_records(text, choices, table):
    dataset = load(table(text), scale="none", **choices)
    np.testing.assert_array_equal(dataset.x, X.astype(np.float32))
    np.testing.assert_array_equal(dataset.y, Y)
    assert (dataset.x.dtype, dataset.y.dtype, dataset.classes) == (np.float32, np.int32, 2)


def test_a_row_of_numbers_alone_is_a_record(table):
    assert load(table("0,1,2\n0.5,1,1\n1.5,2,2\n"), label="3").y.tolist() == [1, 0, 1]


# ---- features ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "scale", "features"),
    [
        ("2 4 9", "standard", [[-1.0190493], [-0.33968311], [1.3587325]]),
        ("2 4 10", "range", [[0], [0.25], [1]]),
        ("2 4 9", "none", [[2], [4], [9]]),
        ("0 1 1", "standard", [[0], [1], [1]]),
        ("5 5 5", "standard", [[0], [0], [0]]),
        ("5 5 5", "range", [[0], [0], [0]]),
        ("3e38 -3e38 0", "standard", [[1.2247449], [-1.2247449], [0]]),
        ("b a b", "standard", [[0, 1], [1, 0], [0, 1]]),
        ("b _ a", "none", [[0, 0, 1], [1, 0, 0], [0, 1, 0]]),
        ("1 _ 5", "none", [[1], [3], [5]]),
        ("1 ? NaN", "none", [[1], [1], [1]]),
        ("_ 0 1", "standard", [[0], [-1.2247449], [1.2247449]]),  # its median is neither 0 nor 1
        ("red 1 2020-01-01", "none", [[0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    ],
)
def test_features(cells, scale, features, table):
    rows = "".join(f"{c},{i % 2}\n" for i, c in enumerate(cells.replace("_", "").split(" ")))
    np.testing.assert_allclose(load(table("a,y\n" + rows), scale=scale).x, features, rtol=1e-6)


def test_as_many_words_as_may_be(table, refusal):
    rows = [f"{i}w,{i % 2}\n" for i in MANY] * 2
    assert load(table("a,y\n" + "".join(rows[:-1]).replace("64w", "0w"))).x.shape == (129, MOST_VALUES)
    said = refusal(load, table("a,y\n" + "".join(rows)))
    assert "more than 64 different texts in 'a' (65): leave out what is no feature with --drop a," in said
    assert "more than 20 different texts in 'a' (21)" in refusal(load, table("a,y\n" + "".join(rows[:21])))
    assert load(table("a,y\n" + "".join(rows[:20]))).x.shape == (20, 20)
    assert "more than 30 different texts in 'a' (60)" in refusal(load, table("a,y\n" + "".join(rows[:60])))


def test_contributors_are_numbered_and_no_feature(table):
    dataset = load(table("a,bank,y\n1,10,0\n2,9,1\n4,9,1\n"), contributor="bank", scale="none")
    assert (dataset.party_names, dataset.party.tolist(), dataset.x.shape) == (("9", "10"), [1, 0, 0], (3, 1))


def test_numbers_alone_are_read_the_fast_way_and_others_alike(table):
    plain = read_text_table(table("a,y\n1,0\n2,1\n"))
    assert plain.columns[0].numbers is not None and list(plain.rows) == [2, 3]
    other = read_text_table(table("a,y\n1,0\n\n2,b\n"))
    assert other.columns[0].cells == ["1", "2"] and list(other.rows) == [2, 4]


# ---- labels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "numbered"),
    [
        ([*range(21)] * 5, True),
        ([*range(21)] * 4, False),
        ([i / 2 for i in range(20)], True),
        ([i / 2 for i in range(21)] * 9, False),
        ([f"c{i:02}" for i in range(21)] * 5, True),
        ([f"c{i:02}" for i in range(21)] * 4, False),
    ],
)
def test_classes_and_what_is_none(labels, numbered, table, refusal):
    path = table("a,y\n" + "".join(f"{i},{c}\n" for i, c in enumerate(labels)))
    if numbered:
        found = load(path)
        assert found.classes == len(set(labels)) and found.y.tolist() == [*range(found.classes)] * (
            len(labels) // found.classes
        )
    else:
        what = "too many for classes" if isinstance(labels[0], str) else "a target for regression"
        assert f"column 'y' holds 21 different {'texts' if 'too' in what else 'numbers'}" in refusal(
            load, path
        )
        assert what in refusal(load, path)


def test_a_long_numbering_is_cut(table):
    rows = "".join(f"{i},{chr(97 + i % 20)}\n" for i in range(100))
    (first, *_) = load(table("a,y\n" + rows)).notes
    assert first.endswith(
        "numbered a = 0, b = 1, c = 2, d = 3, e = 4, f = 5, g = 6, h = 7, i = 8, j = 9, k = 10, ..., t = 19"
    )


# ---- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says", "choices"),
    [
        ("", "no records", {}),
        ("\n\n", "no records", {}),
        ("a,b,y\n", "no records", {}),
        ("a,y\n1,0\n3,1\nred,1\n", "column 'a', row 4 holds 'red', which is no number, as most cells", {}),
        ('a,b,y\n1,"x\n\ny",0\n\n3,x,1\nred,x,1\n', "column 'a', row 5 holds 'red'", {}),
        ("1,0\n2,0\n\n0x10,1\n", "column '1', row 4 holds '0x10'", {"label": "2"}),
        ("a,y\n1,0\n2,1\n1_000,1\n", "holds '1_000', which is no number", {}),
        ("a,y\n1,0\n2,1\n1.000.000,1\n", "row 4 holds '1.000.000', which separates thousands", {}),
        ("a,y\n1,0\n2,1\n1 000,1\n", "row 4 holds '1 000', which separates thousands", {}),
        (
            "a;y\n1.5;0\n2,5;1\n",
            "row 2 holds '1.5', which can be read in two ways in a file with decimal",
            {},
        ),
        ("a;b;y\n1.500;1,5;0\n2.500;1;1\n", "column 'a', row 2 holds '1.500', which can be read in two", {}),
        ("a,y\n$5.00,0\n$6,1\n", "row 2 holds '$5.00', which has a unit: write the number alone", {}),
        ("a,y\n-1.5 %,0\n6%,1\n", "row 2 holds '-1.5 %', which has a unit", {}),
        ("a;y\n1.234,56 €;0\n6 €;1\n", "row 2 holds '1.234,56 €', which has a unit", {}),
        ("a|y\n1|0\n2|1\n", "1 column: give it at least one feature and a label, separated by commas", {}),
        ("a,y\n1,0\n2,1\n", "0 columns: give it", {"drop": ("a", "y")}),
        ("a,y\n1,0\ninf,1\n", "row 3 holds 'inf', which is infinite", {}),
        ("a,y\n1,0\n-1e39,1\n", "row 3 holds -1e+39, more than single precision can", {}),
        ("a,y\n1,0\n2,0\n", "all labels are 0", {}),
        (f"a,y\n1,0\n2,0\n{'red' * 999},1\n", "redr...dred", {}),
        ("a,y\n1,0\n1,2,1\n", "row 3 has 3 cells where the first has 2", {}),
        ("a,b,y\n1,0\n2,1\n", "row 2 has 2 cells where the first has 3", {}),
        ("a,y\n1,0\n2,\n", "column 'y', row 3 holds no label", {}),
        ("a,y\n1,0\n2,NA\n", "column 'y', row 3 holds no label", {}),
        ("a,y\n1,red\n2,\n", "column 'y', row 3 holds no label", {}),
        ("a,b,y\n1,x,0\n2,,1\n", "column 'b', row 3 holds no contributor", {"contributor": "b"}),
        ("a,b,y\n1,x,0\n2,,1\n", "cannot hold both the labels and the contributors", {"contributor": "y"}),
        ("a,b,y\n1,,0\n2,NA,1\n", "column 'b' holds nothing: leave it out with --drop b", {}),
        ("a,y\n3.1.2020,0\n4.1.2020,1\n", "column 'a', row 2 holds the date '3.1.2020'", {}),
        ("a,y\n1,2020-01-01T10:00\n2,2021-01-01\n", "column 'y', row 2 holds the date", {}),
        ("a,y\n10:30,0\n11:45:12.5,1\n", "column 'a', row 2 holds the date '10:30'", {}),
        ("1\n2\n", "1 column: give it at least one feature and a label", {}),
        ("a,y\n1,0\n2,1\n", "1 column: give it at least one feature and a label", {"drop": ("a",)}),
        ("id,y\n1,0\n2,1\n", "no feature beside its labels", {}),
        ("1,0\n2,1\n", "no row of names: give the number of the column", {}),
        ("1,0\n2,1\n", "--label takes the number of a column, 1 to 2, not 'y'", {"label": "y"}),
        ("a,churn\n1,0\n2,1\n", "no column 'Churn' for --label; the nearest are 'churn'", {"label": "Churn"}),
        ("a,y\n1,0\n2,1\n", "no column 'b' for --drop", {"drop": ("b",)}),
        ("a,y\n1,0\n2,1\n", "no column 'b' for --contributor", {"contributor": "b"}),
        (
            "a,y,class\n1,0,1\n2,1,2\n",
            "more than one column that may hold the labels: say --label with one of",
            {},
        ),
        ("a,b\n1,red\n2,blue\n", "those with few different values are 'a', 'b'", {}),
        ("a,b\n" + "".join(f"{i},{i}\n" for i in range(21)), "--label COLUMN; it has 'a', 'b'", {}),
        ("p,x,p\na,b,c\n", "names two columns 'p' in its first row", {}),
        ('a,y\n1,0\n"2,1\n', "after row 2 (unexpected end of data): look at the quotation marks there", {}),
        ("a\0,y\n1,0\n2,1\n", "no UTF-8 text", {}),
        ("a,y\n1,0\n3,0\n2\0,1\n", r"holds '2\x00', which is no number", {}),
    ],
)
def test_refusals(text, says, choices, table, refusal):
    assert says in refusal(load, table(text), **choices)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_table_that_is_no_utf_8(encoding, table, refusal):
    said = refusal(load, table("Größe,y\n1,0\n2,1\n", encoding))
    assert "cannot be read as a .csv file (it is no UTF-8 text)" in said


@pytest.mark.parametrize(
    "choice", [{"label": "y"}, {"contributor": "a"}, {"drop": ("a",)}, {"scale": "none"}]
)
def test_a_named_data_set_takes_no_choice(choice, refusal):
    (name,) = choice
    assert f"--{name} has no effect on the data set 'digits'" in refusal(load, "digits", **choice)


# ---- parquet ----------------------------------------------------------------------------------------------


def test_parquet_without_pyarrow(table, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    said = refusal(load, table("", name="mine.parquet"))
    assert "needs pyarrow to be read: install turncoat[parquet]" in said


@pytest.fixture
def parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    def save(**columns):
        write_table(pa.table(columns), tmp_path / "mine.parquet")
        return tmp_path / "mine.parquet"

    return save


def test_parquet(parquet):
    import pyarrow as pa

    path = parquet(
        a=[1.5, None, 2.5],
        b=pa.array([True, False, None]),
        c=pa.array(["x", None, "x"]).dictionary_encode(),
        d=pa.array([1, 2, 2**60]),
        label=["no", "yes", "yes"],
    )
    dataset = load(path, scale="none", drop=("d",))
    np.testing.assert_array_equal(dataset.x, [[1.5, 1, 0, 1], [2, 0, 1, 0], [2.5, 0.5, 0, 1]])
    assert dataset.y.tolist() == [0, 1, 1] and load(path).x.shape == (3, 5)


def test_parquet_refusals(parquet, table, refusal):
    from datetime import date

    days = parquet(a=[date(2020, 1, 1)] * 2, b=[1, 2], y=[0, 1])
    assert "column 'a' holds dates" in refusal(load, days)
    assert load(days, drop=("a",)).x.shape == (2, 1)
    assert "column 'a' holds values of type list" in refusal(load, parquet(a=[[1], [2]], y=[0, 1]))
    assert "column 'y', row 3 holds no label" in refusal(load, parquet(a=[1, 2], y=[0, None]))
    assert "not a readable .parquet file" in refusal(load, table("no", name="mine.parquet"))
