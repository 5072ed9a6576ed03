"""Reading `.npz` files without ever unpickling."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from turncoat.refusal import Refusal


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file. Raises `Refusal` if there is no such file or it is not a plain `.npz`."""
    if not path.is_file():
        raise Refusal(f"There is no file {path}: check the path.")
    try:
        with path.open("rb") as stream:  # numpy leaves a file open that it opened and could not read
            bundle = np.load(stream, allow_pickle=False)
            if isinstance(bundle, np.ndarray):
                raise Refusal(f"{path} holds one bare array: save it with numpy.savez(path, x=..., y=...).")
            with bundle:
                return {name: bundle[name] for name in bundle.files}
    except Refusal:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Refusal(
            f"{path} is not a readable .npz file of plain arrays ({error}): save it again with numpy.savez."
        ) from error


def require(path: Path, arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> None:
    """Raise `Refusal` unless all the named arrays are there."""
    for name in names:
        if name not in arrays:
            raise Refusal(f"{path} has no array {name!r} but {', '.join(sorted(arrays)) or 'none'}: add it.")
