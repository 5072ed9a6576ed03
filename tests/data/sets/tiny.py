"""The published forms of the data sets, written with a few records."""

import csv
import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np

from turncoat.data.sets.acs_codes import COLUMNS

PERSON = dict(
    zip(COLUMNS, (43, 1, 21, 1, 10, 6, 0, 40, 1, 1), strict=True),
    RT="P",
    SERIALNO="2018GQ0000049",
    PWGTP=75,
    PINCP="000060000",
)
MEMBERS = {
    "CA": "psam_p06.csv",
    "IL": "psam_p17.csv",
    "OK": "psam_p40.csv",
    "OR": "psam_p41.csv",
    "WA": "psam_p53.csv",
    "WI": "psam_p55.csv",
}


def tar_of(members: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def zip_of(members: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def npz_of(**arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def idx_of(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def row(values: np.ndarray) -> str:
    return ",".join(str(int(v)) for v in values)


def purchase(x: np.ndarray, y: np.ndarray) -> dict[str, str]:
    """The archive's members; labels count from 1."""
    return {"dataset_purchase": "".join(f"{label},{row(r)}\n" for label, r in zip(y, x, strict=True))}


def texas(x: np.ndarray, y: np.ndarray) -> dict[str, str]:
    return {
        "texas/100/feats": "".join(f"{row(r)}\n" for r in x),
        "texas/100/labels": "".join(f"{label}\n" for label in y),
    }


def location(x: np.ndarray, y: np.ndarray) -> dict[str, str]:
    return {"bangkok": "".join(f'"{label}",{row(r)}\n' for label, r in zip(y, x, strict=True))}


def location_packed(x: np.ndarray, y: np.ndarray) -> dict[str, bytes]:
    packed = np.packbits(x.astype(np.uint8), axis=1)
    labels = (y - 1).astype(np.uint8)
    return {"location30.npz": npz_of(features_packed=packed, n_features=x.shape[1], labels=labels)}


def clothes(which: int, arrays: dict[str, np.ndarray]) -> dict[str, bytes]:
    """Fashion-MNIST's files in its layout number `which`; arrays `x_train`, `y_train`, `x_test`, `y_test`."""
    if which == 0:
        return {"fashion_mnist.npz": npz_of(**arrays)}
    parts = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    contents = {f"{part}-ubyte": idx_of(a) for part, a in zip(parts, arrays.values(), strict=True)}
    return contents if which == 1 else {f"{n}.gz": gzip.compress(c) for n, c in contents.items()}


def person_file(*persons: dict) -> str:
    """A PUMS person file as the Bureau writes it: zeros before codes, blanks where nothing applies."""
    header = ("RT", "SERIALNO", "PWGTP", *COLUMNS, "PINCP", "FOD1P")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    for person in persons:
        cells = {**PERSON, **person}
        writer.writerow([f"{c:04d}" if isinstance(c := cells.get(name, ""), int) else c for name in header])
    return out.getvalue()


def census(texts: dict[str, str]) -> dict[str, bytes]:
    """The Bureau's archives, from a person file for each state."""
    return {
        f"csv_p{state.lower()}.zip": zip_of(
            {MEMBERS[state]: text, "ACS2018_PUMS_README.pdf": "not of interest"}
        )
        for state, text in texts.items()
    }


def census_npz(columns: tuple[str, ...] = COLUMNS) -> dict[str, bytes]:
    """Two records of the first state, three of the second and so on, all states; every second label is 1."""
    arrays = {}
    for i, state in enumerate(MEMBERS):
        arrays[f"{state}_X"] = np.array([[43, 1, 21, 5, 10, 6, 0, 40, 1, 9]] * (i + 2), np.int16)
        arrays[f"{state}_y"] = np.arange(i + 2, dtype=np.uint8) % 2
    return {"acs_income_2018.npz": npz_of(columns=np.array(columns), **arrays)}
