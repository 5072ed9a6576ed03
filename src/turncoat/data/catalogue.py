"""The data sets by name: load them, list them, fetch them, verify them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from turncoat.data import files
from turncoat.data.dataset import Dataset, validated
from turncoat.data.download import Progress, download
from turncoat.data.formats import user_file
from turncoat.data.formats.plain import shown
from turncoat.data.formats.table import Choices
from turncoat.data.sets import (
    acs_income,
    embedded,
    fashion_mnist,
    location30,
    purchase100,
    synthetic,
    texas100,
)
from turncoat.data.source import DataFile, FileSource, Layout, MadeSource, Source
from turncoat.refusal import Refusal, nearest

SOURCES: tuple[Source, ...] = (
    embedded.DIGITS,
    embedded.BREAST_CANCER,
    fashion_mnist.SOURCE,
    acs_income.SOURCE,
    acs_income.SOURCE_IL,
    location30.SOURCE,
    purchase100.SOURCE,
    texas100.SOURCE,
    synthetic.PURCHASE100_LIKE,
    synthetic.TEXAS100_LIKE,
)

Status = Literal["embedded", "synthetic", "present", "absent", "verified", "unverified"]


@dataclass(frozen=True)
class Row:
    """One line of `turncoat data list`; only `verify` gives the statuses `verified` and `unverified`.

    `about` says in a few words what a record is, `where` is the folder of the files, `checksum` the kind:
    `sha256`, `md5`, `git` (a git blob's SHA-1), `trust on first use`, or `none` where there is no file.
    Name, records, features, classes, status and `about` fit a line of 80 characters together.
    """

    name: str
    records: int
    features: int
    classes: int
    status: Status
    about: str
    where: str
    checksum: str
    source: str


def names() -> tuple[str, ...]:
    """The names that `load` knows."""
    return tuple(source.name for source in SOURCES)


def load(name_or_path: str | Path, *, seed: int = 0, **choices: Any) -> Dataset:
    """A data set by its name, or the user's own from a file (see `read_user_file`, and docs/data.md).

    `seed` is what a synthetic stand-in is drawn from; real data do not depend on it. Files are verified
    before use. `choices` are those that a file leaves to its user: `label` and `contributor`, names of
    columns, `drop`, a tuple of those to leave out, and `scale`, `"standard"`, `"range"` or `"none"`.
    Raises `Refusal`: unknown name, absent or wrong file, unusable data, choices that do not go with the data.
    """
    name, chosen = str(name_or_path), Choices(**choices)
    if name not in names() and Path(name).suffix.lower() in user_file.SUFFIXES:
        return validated(user_file.read_user_file(Path(name), chosen))
    source = _source(name)
    chosen.check_without(("label", "contributor", "drop", "scale"), f"on the data set {name!r}")
    return load_source(source, seed=seed)


def load_source(source: Source, *, seed: int = 0) -> Dataset:
    """Load what a source describes. Raises `Refusal` as `load` does."""
    if isinstance(source, MadeSource):
        if seed < 0:
            raise Refusal(f"The seed {seed} is negative: give a whole number from 0 up.")
        return validated(source.make(seed))
    layout, paths = _present(source)
    for file in layout.files:
        files.check(file, paths[file.name], source.name)
    return validated(layout.read(paths))


def catalogue() -> list[Row]:
    """One row for each data set that has a name. Looks for files, but reads none."""
    return [_row(source) for source in SOURCES]


def fetch(name: str, progress: Progress | None = None) -> Row:
    """Download into the user's cache what is missing of a data set, and verify it. Nothing to do is no error.

    `progress(file, bytes so far, bytes in all or None)` is called as bytes arrive.
    Raises `Refusal`: unknown name, failed or wrong download, a wrong file that is not ours to replace.
    """
    return fetch_source(_source(name), progress)


def fetch_source(source: Source, progress: Progress | None = None) -> Row:
    """Fetch what a source describes, as `fetch` does."""
    if isinstance(source, MadeSource):
        return _row(source)
    found = files.located(source)
    layout = source.canonical if found is None else found[0]
    for file in layout.files:
        _ensure(file, source, progress)
    return _row(source)


def verify(name: str) -> Row:
    """Compute the checksums of a data set's files again.

    The status is `verified`, or `unverified` if nobody published a checksum and none was recorded (files put
    in place by hand). Raises `Refusal`: unknown name, absent or wrong file.
    """
    return verify_source(_source(name))


def verify_source(source: Source) -> Row:
    """Verify what a source describes, as `verify` does."""
    if isinstance(source, MadeSource):
        return _row(source)
    layout, paths = _present(source)
    known = True
    for file in layout.files:
        files.check(file, paths[file.name], source.name, again=True)
        known &= files.expected(file, paths[file.name]) is not None
    return replace(_row(source), status="verified" if known else "unverified")


def _ensure(file: DataFile, source: FileSource, progress: Progress | None) -> None:
    """Fetch a missing file, replace a bad one in our cache, refuse a bad one elsewhere."""
    path = files.find(file.name, source.name)
    if path is not None and files.matches(file, path):
        return
    if path is not None and (file.url is None or files.cache_folder() not in path.parents):
        files.check(file, path, source.name)
    download(file, files.cache_folder(), source.name, progress)


def _source(name: str) -> Source:
    for source in SOURCES:
        if source.name == name:
            return source
    raise Refusal(
        f"there is no data set {shown(repr(name))}; the nearest are {nearest(name, names())}; "
        "`turncoat data list` shows all, and a file of your own ends in .csv, .tsv, .parquet or .npz."
    )


def _present(source: FileSource) -> tuple[Layout, dict[str, Path]]:
    found = files.located(source)
    if found is None:
        stand_in = f"{source.name}-like"
        raise files.absent(
            source, f", or use the synthetic stand-in {stand_in}" if stand_in in names() else ""
        )
    return found


def _row(source: Source) -> Row:
    if isinstance(source, MadeSource):
        where = "shipped with Turncoat" if source.kind == "embedded" else "made when loaded"
        return _line(source, source.records, source.kind, where, "none")
    layout, paths = files.located(source) or (source.canonical, {})
    where = ", ".join(dict.fromkeys(str(path.parent) for path in paths.values()))
    return _line(source, layout.records, "present" if paths else "absent", where, layout.checksum_kind)


def _line(source: Source, records: int, status: Status, where: str, checksum: str) -> Row:
    size = (records, source.features, source.classes)
    return Row(source.name, *size, status, source.about, where, checksum, source.origin)
