"""Result folders: whole or not at all, and never in the place of something else."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from report import examples
from turncoat.refusal import Refusal
from turncoat.report.folder import save
from turncoat.results.json import to_json

RESULT = {"result.json": to_json(examples.result()), "figures/attack.png": b"\x89PNG", "note.txt": "größer"}


class Interrupted(Mapping[str, bytes]):
    """Files of which the second cannot be had."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getitem__(self, name):
        if name == "b":
            raise self.error
        return b"1"

    def __iter__(self):
        return iter("ab")

    def __len__(self):
        return 2


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_new_folder_holds_the_files(tmp_path):
    target = save(tmp_path / "new" / "result", RESULT)
    assert target == tmp_path / "new" / "result"
    assert contents(target) == {k: v.encode() if isinstance(v, str) else v for k, v in RESULT.items()}
    assert [p.name for p in target.parent.iterdir()] == ["result"]


@pytest.mark.parametrize("name", ["result.json", "audit.json"])
def test_an_earlier_result_is_replaced(tmp_path, name):
    made = examples.result() if name == "result.json" else examples.audit()
    save(tmp_path / "result", {name: to_json(made), "old.csv": "1"})
    save(tmp_path / "result", {"audit.json": "{}"})
    assert contents(tmp_path) == {"result/audit.json": b"{}"}


def test_an_empty_folder_is_used(tmp_path):
    (tmp_path / "result").mkdir()
    save(tmp_path / "result", {"a": "1"})
    assert contents(tmp_path) == {"result/a": b"1"}


@pytest.mark.parametrize(
    "files",
    [
        {"thesis.tex": "x"},
        {"result.json": "{}"},
        {"result.json": "not JSON"},
        {"result.json": "[]"},
        {"audit.json": '{"format": "other/1"}'},
        {"sub/record.json": '{"format": "turncoat.result/1"}'},
    ],
)
def test_other_folders_are_left_alone(tmp_path, files):
    save(tmp_path / "mine", files)
    before = contents(tmp_path)
    with pytest.raises(Refusal, match="other files"):
        save(tmp_path / "mine", RESULT)
    assert contents(tmp_path) == before


def test_a_file_is_left_alone(tmp_path):
    (tmp_path / "result").write_text("mine")
    with pytest.raises(Refusal, match="is a file"):
        save(tmp_path / "result", RESULT)
    with pytest.raises(Refusal, match="cannot write"):
        save(tmp_path / "result" / "inner", RESULT)
    assert contents(tmp_path) == {"result": b"mine"}


def test_the_current_folder_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    for folder in (".", "..", tmp_path / "a" / "b"):
        with pytest.raises(Refusal, match="folder you work in"):
            save(folder, RESULT)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device")]
)
@pytest.mark.parametrize("earlier", [True, False])
def test_a_run_cut_short_while_writing_changes_nothing(tmp_path, error, earlier):
    if earlier:
        save(tmp_path / "result", RESULT)
    before = contents(tmp_path)
    expected = Refusal if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        save(tmp_path / "result", Interrupted(error))
    assert contents(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == (["result"] if earlier else [])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(16, "Device or resource busy")])
def test_a_run_cut_short_between_the_two_renames_restores_the_old_folder(tmp_path, error, monkeypatch):
    save(tmp_path / "result", RESULT)
    before, rename = contents(tmp_path), Path.rename

    def failing(self, target):
        if self.name.endswith(".part"):
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(Refusal if isinstance(error, OSError) else type(error)):
        save(tmp_path / "result", {"a": "1"})
    assert contents(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["result"]


@pytest.mark.parametrize("name", ["../a", "/a", "", ".", "a/../../b", "a\\b"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(Refusal, match="leads out"):
        save(tmp_path / "result", {name: "1"})
    assert not list(tmp_path.iterdir())
