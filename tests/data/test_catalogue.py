import ast
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from turncoat.data import catalogue, files, load, names, verify
from turncoat.data.catalogue import SOURCES, Status, fetch, fetch_source, load_source, verify_source
from turncoat.data.formats.user_file import read_user_file
from turncoat.data.source import ABOUT, DataFile, FileSource, Layout

NAMES = (  # which people have used, and may go on using
    *("digits", "breast_cancer", "fmnist", "acs_income", "acs_income-il", "location30"),
    *("purchase100", "texas100", "purchase100-like", "texas100-like"),
)
KEPT_IN_FILES = [source.name for source in SOURCES if isinstance(source, FileSource)]


def test_lists_every_data_set_once():
    rows = catalogue()
    assert tuple(row.name for row in rows) == names() == tuple(source.name for source in SOURCES)
    assert len(set(names())) == len(names())
    assert set(NAMES) <= set(names())
    status = {row.name: row.status for row in rows}
    assert status["digits"] == status["breast_cancer"] == "embedded"
    assert status["purchase100-like"] == status["texas100-like"] == "synthetic"
    assert {status[name] for name in KEPT_IN_FILES} == {"absent"}
    kinds = {row.name: row.checksum for row in rows}
    assert kinds["acs_income"] == "trust on first use"
    assert (kinds["fmnist"], kinds["location30"], kinds["purchase100"], kinds["digits"]) == (
        "md5",
        "sha256",
        "git",
        "none",
    )


def test_a_listed_line_fits_80_columns():
    widest = {
        "name": max(len(row.name) for row in catalogue()),
        "records": max(len(f"{row.records:,}") for row in catalogue()),
        "features": len("features"),
        "classes": len("classes"),
        "status": max(len(status) for status in get_args(Status)),
        "about": ABOUT,
    }
    assert sum(widest.values()) + 2 * (len(widest) - 1) <= 80


@pytest.mark.parametrize("verb", [load, fetch, verify])
def test_an_unknown_name_shows_the_nearest(verb, refusal):
    message = refusal(verb, "fmnsit")
    assert "'fmnsit'" in message
    assert "'fmnist'" in message


@pytest.mark.parametrize("name", KEPT_IN_FILES)
@pytest.mark.parametrize("verb", [load, verify])
def test_absent_data_say_what_to_run(verb, name, refusal):
    message = refusal(verb, name)
    assert f"turncoat data fetch {name}" in message
    assert "$TURNCOAT_DATA" in message
    assert (f"stand-in {name}-like" in message) == (name in ("purchase100", "texas100"))


@pytest.fixture
def source(tmp_path, site, checksum) -> FileSource:
    """A data set of one file that the site serves."""
    np.savez(tmp_path / "made.npz", x=np.eye(4), y=np.array([0, 1, 0, 1]))
    site.content = (tmp_path / "made.npz").read_bytes()
    file = DataFile("made.npz", checksum("sha256", site.content), site.url)
    layout = Layout((file,), 4, lambda paths: read_user_file(paths["made.npz"]))
    return FileSource("made", "made", features=4, classes=2, origin="made here", layouts=(layout,))


def trusting(source: FileSource) -> FileSource:
    """The same source without a published checksum."""
    layout = source.canonical
    return replace(source, layouts=(replace(layout, files=(replace(layout.files[0], checksum=None),)),))


def test_fetch_then_load_then_verify(source, site, cache):
    seen = []
    row = fetch_source(source, lambda *now: seen.append(now))
    assert (row.status, row.where, row.checksum) == ("present", str(cache), "sha256")
    assert seen
    assert load_source(source).x.shape == (4, 4)
    assert verify_source(source).status == "verified"
    fetch_source(source)
    assert len(site.seen) == 1  # nothing was missing


def test_fetch_replaces_a_damaged_download(source, cache):
    cache.mkdir()
    (cache / "made.npz").write_bytes(b"damaged")
    fetch_source(source)
    assert verify_source(source).status == "verified"


def test_fetch_leaves_a_damaged_file_of_the_users_alone(source, site, data_folder, refusal):
    (data_folder / "made.npz").write_bytes(b"damaged")
    for verb in (fetch_source, load_source, verify_source):
        assert "wrong checksum" in refusal(verb, source)
    assert (data_folder / "made.npz").read_bytes() == b"damaged"
    assert not site.seen


def test_a_failed_fetch_leaves_nothing(source, site, cache, refusal):
    site.content = b"something else"
    assert "wrong checksum" in refusal(fetch_source, source)
    assert list(cache.iterdir()) == []


def test_trust_on_first_use(source, cache, refusal):
    source = trusting(source)
    row = fetch_source(source)
    assert row.checksum == "trust on first use"
    assert verify_source(source).status == "verified"
    (cache / "made.npz").write_bytes(b"changed since")
    assert "wrong checksum" in refusal(load_source, source)


def test_a_file_put_in_place_by_hand_without_a_published_checksum(source, site, data_folder):
    (data_folder / "made.npz").write_bytes(site.content)
    assert load_source(trusting(source)).classes == 2
    assert verify_source(trusting(source)).status == "unverified"


def test_files_are_verified_before_they_are_read(source, cache, refusal):
    cache.mkdir()
    (cache / "made.npz").write_bytes(b"damaged")

    def must_not_run(paths):
        raise AssertionError

    guarded = replace(source, layouts=(replace(source.canonical, read=must_not_run),))
    assert "wrong checksum" in refusal(load_source, guarded)


def test_addresses_are_encrypted_and_checksums_well_formed():
    lengths = {"sha256": 64, "md5": 32, "git": 40}
    for source in SOURCES:
        for layout in getattr(source, "layouts", ()):
            for file in layout.files:
                assert file.url is None or file.url.startswith("https://")
                kind, _, value = (file.checksum or "").partition(":")
                assert file.checksum is None or len(value) == lengths[kind]
        if isinstance(source, FileSource):
            assert all(file.url for file in source.canonical.files)


def test_imports_neither_jax_nor_the_rest_of_turncoat():
    for path in Path(files.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert module.split(".")[0] not in ("jax", "jaxlib", "flax")
                assert not module.startswith("turncoat") or module.startswith(
                    ("turncoat.data", "turncoat.refusal")
                )
