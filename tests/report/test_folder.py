"""Result folders: whole or not at all, and never in the place of something else."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from report import examples
from turncoat.refusal import Refusal
from turncoat.report import folder as module
from turncoat.report.folder import rescue, save, usable
from turncoat.results.json import to_json

RESULT = {"result.json": to_json(examples.result()), "figures/attack.png": b"\x89PNG", "note.txt": "größer"}


class Interrupted(Mapping[str, bytes]):
    """Files of which the third cannot be had."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getitem__(self, name):
        if name == "b":
            raise self.error
        return b"1"

    def __iter__(self):
        return iter(("result.json", "a", "b"))

    def __len__(self):
        return 3

    def keys(self):
        return list(self)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def results(folder: Path) -> dict[str, bytes]:
    """What a folder holds beside the list of its files."""
    return {name: content for name, content in contents(folder).items() if name != "files.json"}


def put(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_new_folder_holds_the_files_and_their_list(tmp_path):
    target = save(tmp_path / "new" / "result", RESULT)
    assert target == tmp_path / "new" / "result"
    assert results(target) == {k: v.encode() if isinstance(v, str) else v for k, v in RESULT.items()}
    listed = json.loads((target / "files.json").read_text())
    assert listed == {"format": "turncoat.files/1", "kind": "result.json", "files": list(RESULT)}
    assert [p.name for p in target.parent.iterdir()] == ["result"]


@pytest.mark.parametrize("kind", module.KINDS)
def test_an_earlier_result_of_the_same_kind_is_replaced(tmp_path, kind):
    save(tmp_path / "result", {kind: "1", "old.csv": "1", "pictures/of/old.png": "1"})
    save(tmp_path / "result", {"new.csv": "2", kind: "2"})
    assert results(tmp_path / "result") == {kind: b"2", "new.csv": b"2"}
    assert {p.name for p in (tmp_path / "result").iterdir()} == {kind, "new.csv", "files.json"}


@pytest.mark.parametrize("kind", [k for k in module.KINDS if k != "result.json"])
def test_a_result_of_another_kind_is_left_alone(tmp_path, kind):
    save(tmp_path / "result", RESULT)
    before = contents(tmp_path)
    for refused in (lambda to: save(to, {kind: "1"}), lambda to: usable(to, kind)):
        with pytest.raises(Refusal, match=r"result of another kind \(result.json\)"):
            refused(tmp_path / "result")
    assert contents(tmp_path) == before


def test_what_the_user_put_beside_a_result_stays(tmp_path):
    target = save(tmp_path / "result", RESULT)
    mine = {"notes.md": "mine", "figures/mine.svg": "mine", "my/sub/folder.txt": "mine"}
    put(target, mine)
    os.symlink("notes.md", target / "link")
    save(target, {"result.json": "{}"})
    assert results(target) == {"result.json": b"{}", "link": b"mine"} | dict.fromkeys(mine, b"mine")
    assert (target / "link").is_symlink()


def test_a_file_of_the_users_that_bears_the_name_of_a_new_one_is_left_alone(tmp_path):
    target = save(tmp_path / "result", {"result.json": "1"})
    put(target, {"trials.csv": "mine"})
    before = contents(tmp_path)
    with pytest.raises(Refusal, match=r"holds a trials\.csv that is not Turncoat's"):
        save(target, {"result.json": "2", "trials.csv": "2"})
    assert contents(tmp_path) == before


def test_a_folder_in_the_place_of_a_file_of_ours_is_left_alone(tmp_path):
    target = save(tmp_path / "result", RESULT)
    (target / "note.txt").unlink()
    put(target, {"note.txt/mine": "mine"})
    with pytest.raises(Refusal, match=r"holds a note\.txt"):
        save(target, RESULT)
    save(target, {"result.json": "2"})
    assert results(target) == {"result.json": b"2", "note.txt/mine": b"mine"}


def test_files_of_ours_that_the_user_deleted_are_not_missed(tmp_path):
    target = save(tmp_path / "result", RESULT)
    (target / "figures" / "attack.png").unlink()
    (target / "result.json").unlink()
    save(target, {"result.json": "2"})
    assert results(target) == {"result.json": b"2"}


def test_a_list_that_names_files_elsewhere_deletes_none(tmp_path):
    put(tmp_path, {"mine": "mine"})
    target = save(tmp_path / "result", {"result.json": "1"})
    names = ["../mine", str(tmp_path / "mine"), "result.json", 3]
    put(target, {"files.json": json.dumps({"format": module.FORMAT, "kind": "result.json", "files": names})})
    save(target, {"result.json": "2"})
    assert (tmp_path / "mine").read_text() == "mine" and results(target) == {"result.json": b"2"}


def test_an_empty_folder_is_used_where_it_is(tmp_path):
    (tmp_path / "result").mkdir()
    before = (tmp_path / "result").stat().st_ino  # it may be a mount point
    save(tmp_path / "result", {"result.json": "1"})
    assert results(tmp_path / "result") == {"result.json": b"1"}
    assert (tmp_path / "result").stat().st_ino == before


@pytest.mark.parametrize(
    "files",
    [
        {"thesis.tex": "x"},
        {"result.json": "{}"},
        {"result.json": '{"format": "turncoat.result/1"}'},
        {"files.json": "not JSON"},
        {"files.json": "[]"},
        {"files.json": '{"format": "other/1", "kind": "result.json", "files": []}'},
        {"files.json": '{"format": "turncoat.files/1", "kind": "thesis.tex", "files": ["thesis.tex"]}'},
        {"files.json": '{"format": "turncoat.files/1", "kind": "result.json", "files": {}}'},
        {"sub/files.json": '{"format": "turncoat.files/1", "kind": "result.json", "files": []}'},
    ],
)
def test_other_folders_are_left_alone(tmp_path, files):
    put(tmp_path / "mine", files)
    before = contents(tmp_path)
    for refused in (lambda to: save(to, RESULT), lambda to: usable(to, "result.json")):
        with pytest.raises(Refusal, match="other files"):
            refused(tmp_path / "mine")
    assert contents(tmp_path) == before


def test_a_file_is_left_alone(tmp_path):
    (tmp_path / "result").write_text("mine")
    for name, says in (("result", "is a file"), ("result/inner", "cannot write")):
        with pytest.raises(Refusal, match=says):
            save(tmp_path / name, RESULT)
        with pytest.raises(Refusal, match=says):
            usable(tmp_path / name, "result.json")
    assert contents(tmp_path) == {"result": b"mine"}


def test_the_current_folder_and_those_above_are_left_alone(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    for folder in (".", "..", "", "/", tmp_path / "a" / "b"):
        with pytest.raises(Refusal, match="folder you work in"):
            save(folder, RESULT)


# ---- before a run -----------------------------------------------------------------------------------------


def test_a_folder_that_can_be_used_is_left_as_it_was(tmp_path):
    earlier = save(tmp_path / "earlier", RESULT)
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for name in ("new", "new/er", "empty", "earlier"):
        assert usable(tmp_path / name, "result.json") == tmp_path / name
    assert sorted(tmp_path.rglob("*")) == before and contents(earlier)


@pytest.mark.parametrize("name", ["result", "result/inner", "empty"])
@pytest.mark.parametrize(("method", "code"), [("mkdir", 30), ("write_bytes", 28)])
def test_a_disk_that_is_read_only_or_full_is_noticed_before_the_run(
    tmp_path, monkeypatch, name, method, code
):
    def failing(*_, **__):
        raise OSError(code, os.strerror(code))

    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(Path, method, failing)
    with pytest.raises(Refusal, match="cannot write"):
        usable(tmp_path / name, "result.json")
    assert [p.name for p in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize("name", ["a" * 300, "a/" + "b" * 300, "c" * 300 + "/d", "/".join(["e" * 200] * 30)])
def test_names_too_long_are_refused(tmp_path, name):
    with pytest.raises(Refusal, match="cannot"):
        usable(tmp_path / name, "result.json")
    assert not list(tmp_path.iterdir())
    with pytest.raises(Refusal, match="cannot"):
        save(tmp_path / name, RESULT)


def test_names_that_no_file_can_have_are_refused(tmp_path):
    for name in ("a\0b", "~nobody_of_this_name/x"):
        with pytest.raises(Refusal, match="cannot name a folder"):
            usable(name, "result.json")


# ---- a run cut short --------------------------------------------------------------------------------------


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
@pytest.mark.parametrize("after", range(7))
def test_a_run_cut_short_between_two_moves_restores_the_old_files(tmp_path, error, after, monkeypatch):
    save(tmp_path / "result", RESULT)
    put(tmp_path / "result", {"mine": "mine"})
    before, rename, moves = contents(tmp_path), Path.rename, []

    def failing(self, target):
        moves.append(self)
        if len(moves) == after + 1:
            if after % 2:
                rename(self, target)  # cut short just before, or just after
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(Refusal if isinstance(error, OSError) else type(error)):
        save(tmp_path / "result", {"result.json": "2", "note.txt": "2"})
    assert contents(tmp_path) == before


def test_old_files_that_cannot_be_moved_back_are_not_thrown_away(tmp_path, monkeypatch):
    target, rename, moves = save(tmp_path / "result", RESULT), Path.rename, []

    def failing(self, to):
        moves.append(self)
        if len(moves) > 2:
            raise OSError(5, "Input/output error")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(Refusal, match="Input/output"):
        save(target, {"result.json": "2"})
    assert RESULT["result.json"].encode() in contents(tmp_path).values()


@pytest.mark.parametrize("name", ["../a", "/a", "", ".", "a/../../b", "a\\b"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(Refusal, match="leads out"):
        save(tmp_path / "result", {"result.json": "1", name: "1"})
    assert not list(tmp_path.iterdir())


def test_what_has_no_other_place_goes_to_a_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = rescue("result", RESULT)
    assert kept.parent.parent == tmp_path and kept.name == "result"
    assert set(results(kept)) == set(RESULT)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(Refusal, match="no temporary folder"):
        rescue("result", RESULT)
