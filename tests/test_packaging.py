"""What is shipped: one version, all of the package and nothing beside it, and a matrix of what is promised."""

import re
import tomllib
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from scripts import matrix

import turncoat

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "turncoat"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def shipped():
    """The files of the wheel, as paths from the project's root, by the very rules that build it."""
    return {Path(file.relative_path) for file in WheelBuilder(str(ROOT)).recurse_included_files()}


def test_the_wheel_holds_the_whole_package_and_nothing_else(shipped):
    written = {path.relative_to(ROOT) for path in PACKAGE.rglob("*") if path.is_file()}
    assert shipped == {path for path in written if "__pycache__" not in path.parts}


def test_the_wheel_holds_what_is_not_code(shipped):
    assert PACKAGE.relative_to(ROOT) / "py.typed" in shipped
    assert {path.suffix for path in shipped} >= {".py", ".html", ".css"}


def test_the_version_is_written_once():
    metadata = ProjectMetadata(str(ROOT), PluginManager())
    assert "version" not in PROJECT and metadata.version == turncoat.__version__
    sources = [path for path in PACKAGE.rglob("*.py") if turncoat.__version__ in path.read_text()]
    assert [path.name for path in sources] == ["version.py"]


def test_the_version_costs_no_import():
    assert "import " not in (PACKAGE / "version.py").read_text()


def test_the_matrix_is_what_the_project_promises():
    said = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c]
    assert said == list(matrix.PYTHONS)
    assert PROJECT["requires-python"] == f">={matrix.PYTHONS[0]}"
    assert f"jax>={matrix.JAX[0]},<0.11" in PROJECT["dependencies"] and matrix.JAX[-1] == "0.10"


def test_every_pin_is_one_version_and_no_address():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins)
    names = [line.partition("==")[0].lower() for line in pins]
    assert names == sorted(set(names))


def test_a_cell_of_the_matrix_chooses_its_own_jax():
    pins = matrix.read_pins("# pins\njax==0.10.2\njaxlib==0.10.2\nml_dtypes==0.6.0\n")
    assert pins == {"ml-dtypes": "ml_dtypes==0.6.0"}


CONFLICT = """The conflict is caused by:
    The user requested jax==0.9.*
    equinox 0.13.8 depends on jax!=0.7.0 and >=0.4.38
    flax 0.12.8 depends on jax>=0.10.0
"""
CONSTRAINT = """The conflict is caused by:
    matplotlib 3.11.2 depends on contourpy>=1.0.1
    The user requested (constraint) contourpy==99.0
"""


@pytest.mark.parametrize(
    ("log", "culprit"),
    [(CONFLICT, "flax"), (CONSTRAINT, "contourpy"), ("ERROR: the disk is full", None)],
    ids=["at odds with jax", "no such wheel", "another fault"],
)
def test_the_pin_that_does_not_resolve_is_left_out(log, culprit):
    pins = {name: f"{name}==1" for name in ("contourpy", "equinox", "flax", "matplotlib")}
    assert matrix.blamed(log, pins) == culprit


def test_the_matrix_prints_a_row_for_each_python():
    outcomes = {(python, jax): matrix.Outcome("passed") for python in matrix.PYTHONS for jax in matrix.JAX}
    outcomes["3.13", "0.9"] = matrix.Outcome("failed", ("flax==0.12.8",))
    outcomes["3.12", "0.10"] = matrix.Outcome("not here")
    assert matrix.table(outcomes).splitlines() == [
        "             jax 0.9        jax 0.10",
        "Python 3.11  passed         passed",
        "Python 3.12  passed         not here",
        "Python 3.13  failed         passed",
        "Python 3.13, jax 0.9: without the pins flax==0.12.8",
    ]
