"""Table 1: what each activation function can be bent to, by input, activation and combined modification.

No cell is restated: each one lists the outputs that `adversary.reachable` found by running the manipulations
on random secrets. The paper's entries stand beside them as conditions on what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from turncoat import engines, protocols
from turncoat.adversary.reachable import SECRETS, Factors, Found, Probe, bending, probe, reached
from turncoat.adversary.squarings import reached_inside, squarings
from turncoat.paper.options import Options
from turncoat.paper.table import Table
from turncoat.refusal import Refusal
from turncoat.results.reproduction import Mark, Row, overall

COLUMNS = ("input", "activation", "combined")
SHOWN = 4
"""How many expressions that the paper does not have a cell shows."""
WILD = 1e3
"""From this magnitude on an output of a bounded function counts as diverging."""

Test = Callable[[Factors], bool]


def _is(**factors: float) -> Test:
    """The expression with these multiples; `one` is the constant, `f` the honest output."""
    names = {"one": "1", "f": "f(x)", "large": "Δ", "small": "δ", "e": "e_i"}
    wanted = {names.get(n, n): v for n, v in factors.items()}
    return lambda found: found == wanted


def _rises(found: Factors) -> bool:
    """x + Delta up to a slope and an offset."""
    return found.get("x", 0) > 0 and found.get("Δ", 0) == found["x"] and not found.get("f(x)")


def _falls(found: Factors) -> bool:
    """x - Delta up to a slope and an offset."""
    return found.get("x", 0) > 0 and found.get("Δ", 0) == -found["x"] and not found.get("f(x)")


ZERO, ONE = ("0", _is()), ("1", _is(one=1))


@dataclass(frozen=True)
class PaperRow:
    """A row of the paper's table: for each column what it prints, and the outputs that this names."""

    prints: Mapping[str, str]
    names: Mapping[str, tuple[tuple[str, Test], ...]]
    honest: str


PAPER: dict[str, PaperRow] = {
    "comparison": PaperRow(
        {"input": "{0, 1}", "activation": "1 - [x ≥ y]", "combined": "{0, 1}"},
        {"input": (ZERO, ONE), "activation": (("1 - [x ≥ y]", _is(one=1, f=-1)),), "combined": (ZERO, ONE)},
        "[x ≥ y]",
    ),
    "ReLU": PaperRow(
        {"input": "{0, x + Δ}", "activation": "min(0, x)", "combined": "{0, x - Δ}"},
        {
            "input": (ZERO, ("x + Δ", _is(x=1, large=1))),
            "activation": (("min(0, x)", _is(x=1, f=-1)),),
            "combined": (ZERO, ("x - Δ", _is(x=1, large=-1))),
        },
        "ReLU(x)",
    ),
    "piecewise sigmoid": PaperRow(
        {"input": "{0, 1}", "activation": "Difficult", "combined": "{x + Δ, x - Δ}"},
        {"input": (ZERO, ONE), "activation": (), "combined": (("x + Δ", _rises), ("x - Δ", _falls))},
        "sigmoid(x)",
    ),
    "direct sigmoid": PaperRow(
        {"input": "{0, 1}", "activation": "sigmoid(x) + δ", "combined": "{δ, 1 + δ}"},
        {
            "input": (ZERO, ONE),
            "activation": (("sigmoid(x) + δ", _is(f=1, small=1)),),
            "combined": (("δ", _is(small=1)), ("1 + δ", _is(one=1, small=1))),
        },
        "sigmoid(x)",
    ),
    "direct softmax": PaperRow(
        {"input": "{e_i}", "activation": "softmax(x) + v", "combined": "{e_i + v}"},
        {
            "input": (("e_i", _is(e=1)),),
            "activation": (("softmax(x) + v", _is(f=1, v=1)),),
            "combined": (("e_i + v", _is(e=1, v=1)),),
        },
        "softmax(x)",
    ),
    "exponential": PaperRow(
        {"combined": "any constant (in the text)"},
        {"combined": (("δ", _is(small=1)),)},
        "exp(x)",
    ),
    "exponential by squaring": PaperRow(
        {"activation": "additive errors (in the text)"},
        {"activation": (("exp(x) + δ", _is(f=1, small=1)),)},
        "exp(x)",
    ),
    "reciprocal": PaperRow({"activation": "through any product (in the text)"}, {}, "1/x"),
}

FORMS = {"polynomial sigmoid": "direct sigmoid", "ReLU-ratio softmax": "direct softmax"}
"""Circuits that the paper does not have, and the row of its table that they are held against."""

DEFAULT = (
    ("comparison", "crypten"),
    ("ReLU", "crypten"),
    ("sigmoid", "secureml"),
    ("sigmoid", "crypten"),
    ("softmax", "crypten"),
    ("exponential", "mp-spdz-paper"),
    ("exponential", "crypten"),
    ("reciprocal", "crypten"),
)
FUNCTIONS = ("comparison", "ReLU", "sigmoid", "softmax", "exponential", "reciprocal")

NOTES = (
    "The secrets are x and y; Δ is a large constant, δ and v are any, e_i is a unit vector. A cell lists what "
    "came out for all secrets alike, to within 0.002",
    "The paper calls the piecewise sigmoid's activation modification difficult. By comparisons it is; but the "
    "circuit ends in a product, to which δ can be added",
    "The paper writes x + Δ and x - Δ for outputs that hold the middle piece's constant as well; its text has "
    "x - Δ - 1/2 where the circuit gives x - Δ + 1/2",
)


def rows(options: Options) -> Iterator[Row]:
    """Those of the protocols whose circuits the paper describes, or all functions under one protocol."""
    if options.data is not None or options.trials is not None:
        raise Refusal("Table 1 uses no data set and has no trials: leave --data and --trials out")
    wanted = [(f, options.protocol) for f in FUNCTIONS] if options.protocol else DEFAULT
    for i, (function, protocol) in enumerate(wanted):
        options.progress(f"{function} under {protocol}", i, len(wanted))
        p = probe(function, protocols.get(protocol), engines.get(options.engine), options.seed)
        yield row(p, [*reached(p), *reached_inside(p)])


def row(p: Probe, found: list[Found]) -> Row:
    """One function under one protocol, the paper's row beside it."""
    name = form(p)
    paper = PAPER[FORMS.get(name, name)]
    cells = {c: _distinct([f for f in found if f.column == c]) for c in COLUMNS}
    ours = {c: _cell(said, paper, c) for c, said in cells.items() if said}
    marks = {c: _mark(cells[c], tests) for c, tests in paper.names.items()}
    remarks = [_missing(paper, cells), _ways(paper, cells), _inside(found, paper), _diverging(found)]
    if p.name == "reciprocal":
        bent, products = bending(p)
        said = f"an error at {bent} of its {products} products changes the result"
        ours["activation"] = "; ".join(filter(None, (ours.get("activation"), said)))
        marks["activation"] = "reached" if bent else "short"
    return Row(
        name=name,
        data=f"{SECRETS} random secrets",
        model=p.program.protocol.name,
        paper=dict(paper.prints),
        ours=dict(ours),
        marks=marks,
        mark=overall(marks),
        why="; ".join(r for r in remarks if r),
    )


def form(p: Probe) -> str:
    """The function by the kind of its circuit: a sigmoid or softmax is direct if it takes exponentials."""
    if squarings(p.act) and p.name == "exponential":
        return "exponential by squaring"
    if p.name not in ("sigmoid", "softmax"):
        return p.name
    parts = {part.partition("#")[0] for n in p.act.sites for part in n.split("/")}
    direct = "exp" in parts or any(p.act.surface[n].kind == "ideal" for n in p.act.sites)
    if direct:
        return f"direct {p.name}"
    if p.name == "softmax":
        return "ReLU-ratio softmax"
    return "piecewise sigmoid" if p.act.bits else "polynomial sigmoid"


Said = dict[str, Found]
"""What came out, by expression in words, and the first way to it."""


def _distinct(found: list[Found]) -> Said:
    said: Said = {}
    for f in found:
        if f.expression is not None and f.expression != {"f(x)": 1.0}:
            said.setdefault(f.words + (" at i" if f.target_only else ""), f)
    return said


def _named(said: Said, tests: tuple[tuple[str, Test], ...]) -> dict[str, str]:
    """For each output that the paper names, the expression found for it."""
    return {
        label: w
        for label, test in tests
        for w, f in reversed(said.items())
        if not f.target_only and test(f.expression or {})
    }


def _cell(said: Said, paper: PaperRow, column: str) -> str:
    """What came out: the paper's outputs first, then others, the simplest ones before the rest."""
    first = list(dict.fromkeys(_named(said, paper.names.get(column, ())).values()))
    rest = sorted((w for w in said if w not in first), key=lambda w: len(said[w].expression or {}))
    shown = [*first, *rest[:SHOWN]]
    more = f" and {len(rest) - SHOWN} more" if len(rest) > SHOWN else ""
    return _of_honest(f"{{{', '.join(shown)}}}{more}", paper)


def _of_honest(words: str, paper: PaperRow) -> str:
    """Words in f(x), and in f of a part of x, with the function's name in the place of f."""
    return words.replace("f(x)", paper.honest).replace("f(x/", paper.honest.removesuffix(")") + "/")


def _mark(said: Said, tests: tuple[tuple[str, Test], ...]) -> Mark:
    found = _named(said, tests)
    if len(found) < len(tests):
        return "short"
    return "exceeded" if set(said) - set(found.values()) else "reached"


def _missing(paper: PaperRow, cells: Mapping[str, Said]) -> str:
    lost = [
        f"{label} ({column})"
        for column, tests in paper.names.items()
        for label, _ in tests
        if label not in _named(cells[column], tests)
    ]
    return f"this circuit does not give {', '.join(lost)}" if lost else ""


def _ways(paper: PaperRow, cells: Mapping[str, Said]) -> str:
    """How the paper's combined outputs were reached: with the input left alone, if that was found too."""
    named = _named(cells["combined"], paper.names.get("combined", ()))
    found = {w: cells["activation"].get(w) or cells["combined"][w] for w in named.values()}
    return "; ".join(f"{w} by {f.ways}" for w, f in found.items())


def _inside(found: list[Found], paper: PaperRow) -> str:
    """How errors inside of repeated squarings were placed; of the powers that they give, the first and the last."""
    inner = [f for f in found if "squaring" in f.ways and f.expression is not None]
    powers = [f for f in inner if f.power > 1]
    ways: dict[str, str] = {}
    for f in inner:
        if f not in powers[1:-1]:
            ways.setdefault(_of_honest(f.words, paper), f.ways)
    last = _of_honest(powers[-1].words, paper) if len(powers) > 2 else ""
    return "; ".join(f"{'to ' if w == last else ''}{w} by {way}" for w, way in ways.items())


def _diverging(found: list[Found]) -> str:
    """Flips without any other error that drive an iteration out of its domain."""
    alone = [f for f in found if f.column == "activation" and "output" not in f.ways]
    wild = [f for f in alone if f.expression is None and not f.size <= WILD]
    return "; ".join(f"{f.ways}: the iteration diverges, {_size(f.size)}" for f in wild)


def _size(size: float) -> str:
    return f"to {size:.0e} in magnitude" if isfinite(size) else "beyond what single precision holds"


TABLE = Table("Table 1", "manipulations of activation functions", rows, NOTES)
