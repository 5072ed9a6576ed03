"""The house rules: imports run one way, public names are real, nothing happens on import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import turncoat

SOURCE = Path(turncoat.__file__).parent

# Each room may import those before it; the doors are for users, and nothing inside goes through them.
ORDER = [
    "refusal", "version", "settings", "functions", "parties", "core", "protocols", "engines", "data", "metrics",
    "results", "defences", "jobs", "adapters", "goals", "adversary", "attacks", "experiments", "report", "paper",
    "cli",
]  # fmt: skip
DOORS = ["__init__", "__main__", "api", "monitor"]
CORE_ORDER = [
    "values", "sites", "program", "plain", "lines", "secrecy", "errors", "rearranged", "bilinear", "draws", "engine",
    "names", "protocol", "masks",
    "local", "abb", "tournament", "reach", "passes", "abstract", "choosable", "exposure", "rules", "complexes",
    "evaluate", "surface", "shared", "static", "hidden", "arguments", "traced", "parts", "secure",
]  # fmt: skip
FREE_OF_JAX = ["refusal", "version", "settings", "parties", "data", "metrics", "results", "goals", "report"]
LINES, BODY, PARAMETERS = 300, 40, 7


def modules():
    return sorted(SOURCE.rglob("*.py"))


def part(path):
    inside = path.relative_to(SOURCE).with_suffix("").parts
    return inside[0]


def imported(path):
    """Every module of ours that a file imports, at any depth of its code, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.update(f"{node.module}.{a.name}" for a in node.names)
        elif isinstance(node, ast.Import):
            found.update(a.name for a in node.names)
    return found


def ours(path, depth):
    names = set()
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "turncoat" and len(parts) > depth:
            names.add(tuple(parts[1 : depth + 1]))
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_run_one_way(path):
    here = part(path)
    if here in DOORS:
        return
    assert not {"turncoat", "turncoat.__version__"} & imported(path), f"{path} imports the doors themselves"
    for (target,) in ours(path, 1):
        if target != here:
            assert target in ORDER, f"{path} imports {target}, which is a door for users or no room at all"
            assert ORDER.index(target) < ORDER.index(here), f"{here} imports {target}, which comes after it"
    if here == "core" and path.parent != SOURCE / "core" / "rules" and path.stem != "__init__":
        for target in ours(path, 2):
            if target[0] == "core" and len(target) == 2 and target[1] in CORE_ORDER:
                before = CORE_ORDER.index(target[1]) < CORE_ORDER.index(path.stem)
                assert before or target[1] == path.stem or typing_only(path, target[1]), (
                    path.stem,
                    target[1],
                )


def test_no_circle_anywhere():
    """Among files: whoever follows imports never comes back."""
    graph = {module: reached(path) for module, path in named_modules().items()}
    left = dict(graph)
    while free := [m for m, targets in left.items() if not targets & left.keys()]:
        for module in free:
            del left[module]
    assert not left, f"these import each other, or what does: {sorted(left)}"


def named_modules():
    """Every module of ours by its dotted name; packages by theirs."""
    found = {}
    for path in modules():
        parts = ("turncoat", *path.relative_to(SOURCE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def reached(path):
    """The modules of ours that a file imports; names taken from a package count as its `__init__`."""
    known = named_modules()
    found = {n if n in known else n.rpartition(".")[0] for n in imported(path) - typed(path)}
    return {n for n in found if n in known and known[n] != path and n != "turncoat"}


def typed(path):
    """What a file imports for type checkers alone."""
    tree = ast.parse(path.read_text())
    blocks = [n for n in tree.body if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"]
    nodes = [n for block in blocks for n in ast.walk(block) if isinstance(n, ast.ImportFrom)]
    return {f"{n.module}.{a.name}" for n in nodes for a in n.names}


def typing_only(path, target):
    """Whether an import stands under `if TYPE_CHECKING` alone."""
    tree = ast.parse(path.read_text())
    guarded = [n for n in tree.body if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"]
    return any(f"turncoat.core.{target}" in ast.unparse(block) for block in guarded)


def test_every_part_has_its_place():
    assert {part(p) for p in modules()} == {*ORDER, *DOORS}


@pytest.mark.parametrize("name", FREE_OF_JAX)
def test_parts_that_know_no_jax(name):
    for path in modules():
        if part(path) == name:
            roots = {n.split(".")[0] for n in imported(path)}
            assert "jax" not in roots, path
            assert not {t[0] for t in ours(path, 1)} - {*FREE_OF_JAX}, path


def test_public_names_are_real_and_sorted():
    assert turncoat.__all__ == sorted(turncoat.__all__)
    assert all(hasattr(turncoat, name) for name in turncoat.__all__)
    assert len(turncoat.__all__) <= 30


def test_nothing_happens_on_import(tmp_path):
    code = (
        "import logging, sys; sys.argv = ['x', '--nonsense']; import jax; before = jax.config.jax_enable_x64;"
        "import turncoat, turncoat.cli; assert jax.config.jax_enable_x64 == before;"
        "assert not logging.getLogger().handlers"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_hold_one_idea(path):
    assert len(path.read_text().splitlines()) <= LINES
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= BODY, f"{node.name} has {length} lines"
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([a for a in given if a.arg not in ("self", "cls")])
            assert count <= PARAMETERS, f"{node.name} takes {count} parameters"
