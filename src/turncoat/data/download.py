"""Downloads that resume when the connection breaks and are verified before they appear under their name."""

import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO

from turncoat.data import files
from turncoat.data.source import DataFile
from turncoat.refusal import Refusal

Progress = Callable[[str, int, int | None], None]  # file name, bytes so far, bytes in all if known

_CHUNK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte
_ATTEMPTS = 4
_PARTIAL, _RANGE_REFUSED, _TOO_MANY = 206, 416, 429  # HTTP status codes, RFC 9110 and RFC 6585
_TRANSIENT = (_RANGE_REFUSED, _TOO_MANY)
_STALE = 600.0  # seconds; a live download writes far more often than this


class _CutError(Exception):
    """The connection ended before the file did."""


@dataclass
class _Version:
    """What the server calls the version of the file that is being read."""

    mark: str | None = None


def download(
    file: DataFile, folder: Path, dataset: str, progress: Progress | None = None, *, pause: float = 1.0
) -> Path:
    """Fetch `file` into `folder` and return its path.

    1. Read into a temporary file; if the connection breaks, go on from there (HTTP Range), or from the start
       where the server cannot; `_ATTEMPTS` times in all, `pause` seconds apart at first, then twice that.
    2. Verify the checksum; without a published one, record it.
    3. Rename into place, in one step.
    Raises `Refusal` if any of these fails; the temporary file is removed whatever happens.
    """
    if file.url is None:
        raise Refusal(f"{file.name} cannot be fetched: put it into {folder} by hand.")
    target, temporary = folder / file.name, folder / f".{file.name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder, file.name)
        _transfer(file, temporary, progress, pause)
        _verify(file, temporary, target, dataset)
        _publish(file, temporary, target)
    except OSError as error:
        raise Refusal(
            f"{target} cannot be written ({error.strerror or error}): free or choose another disk."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return target


def _sweep(folder: Path, name: str) -> None:
    """Remove what an earlier process that was killed may have left."""
    for left in folder.glob(f".{name}.*.part"):
        with suppress(FileNotFoundError):  # another process may be sweeping too
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink()


def _transfer(file: DataFile, temporary: Path, progress: Progress | None, pause: float) -> None:
    """Fill the temporary file, resuming after broken connections."""
    version = _Version()
    for attempt in range(_ATTEMPTS):
        try:
            return _read_on(file, temporary, version, progress)
        except (urllib.error.URLError, HTTPException, _CutError, TimeoutError, ConnectionError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if attempt + 1 == _ATTEMPTS or not _worth_another(error):
                raise Refusal(
                    f"{file.url} could not be downloaded ({getattr(error, 'reason', None) or error}): check "
                    f"the connection and try again, or put {file.name} into ${files.VARIABLE} by hand."
                ) from error
            if getattr(error, "code", None) == _RANGE_REFUSED:
                temporary.unlink(missing_ok=True)
            time.sleep(pause * 2**attempt)


def _worth_another(error: Exception) -> bool:
    """Whether the same request may succeed later: not if the server says that the file is not there."""
    return not isinstance(error, urllib.error.HTTPError) or error.code >= 500 or error.code in _TRANSIENT


def _read_on(file: DataFile, temporary: Path, version: "_Version", progress: Progress | None) -> None:
    """Read from where the temporary file ends to the end of the file."""
    held = temporary.stat().st_size if temporary.exists() else 0
    with urllib.request.urlopen(_request(file, held, version), timeout=_TIMEOUT) as response:
        resumed = getattr(response, "status", None) == _PARTIAL
        if resumed and not str(response.headers.get("Content-Range")).startswith(f"bytes {held}-"):
            temporary.unlink()
            raise _CutError("the server sent another range than the one asked for")
        held = held if resumed else 0
        version.mark = response.headers.get("ETag") or response.headers.get("Last-Modified")
        length = response.headers.get("Content-Length")
        total = None if length is None else held + int(length)
        with temporary.open("ab" if resumed else "wb") as stream:
            for chunk in _chunks(response):
                stream.write(chunk)
                held += len(chunk)
                if progress is not None:
                    progress(file.name, held, total)
    if total is not None and held < total:
        raise _CutError(f"the connection ended after {held:,} of {total:,} bytes")


def _request(file: DataFile, held: int, version: "_Version") -> urllib.request.Request:
    """The request for all of the file, or for what is missing of the version that we hold the start of."""
    headers = {"User-Agent": "turncoat", "Accept-Encoding": "identity"}
    if held:
        headers["Range"] = f"bytes={held}-"
        if version.mark and not version.mark.startswith("W/"):
            headers["If-Range"] = version.mark
    return urllib.request.Request(file.url or "", headers=headers)


def _chunks(response: IO[bytes]) -> Iterator[bytes]:
    """The bytes of the response; failures of the network become `_CutError`, those of the disk do not."""
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, HTTPException) as error:
            raise _CutError(str(error) or type(error).__name__) from error
        if not chunk:
            return
        yield chunk


def _verify(file: DataFile, temporary: Path, target: Path, dataset: str) -> None:
    """Refuse a file that is not the expected one, before anybody can use it."""
    wanted = files.expected(file, target)
    if wanted is None:
        return
    kind, _, value = wanted.partition(":")
    found = files.digest(temporary, kind)
    if found != value:
        remedy = (
            f"run `turncoat data fetch {dataset}` again"
            if file.checksum
            else f"delete {files.record_of(target)} if you trust the new version, then fetch again"
        )
        raise Refusal(
            f"{file.url} has the wrong checksum ({kind} {found}, expected {value}), not kept: {remedy}."
        )


def _publish(file: DataFile, temporary: Path, target: Path) -> None:
    """Give the verified file its name; of a trust-on-first-use file, record the checksum before that."""
    if file.checksum is None:
        _record(temporary, files.record_of(target), target.name)
    os.replace(temporary, target)


def _record(temporary: Path, record: Path, name: str) -> None:
    """Write the checksum of the downloaded file to `record`, in the form of sha256sum, in one step."""
    draft = temporary.with_name(f"{temporary.name}.sha256.part")
    try:
        draft.write_text(f"{files.digest(temporary, 'sha256')}  {name}\n")
        os.replace(draft, record)
    finally:
        draft.unlink(missing_ok=True)
