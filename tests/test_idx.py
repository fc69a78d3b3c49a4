"""IDX files: right ones read, wrong ones refused before memory is taken."""

import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pycnn.io.idx import read_idx

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx_bytes(array: np.ndarray) -> bytes:
    kind = array.dtype.str[1:]
    header = struct.pack(f">HBB{array.ndim}I", 0, CODES[kind], array.ndim, *array.shape)
    return header + array.astype(">" + kind).tobytes()


GOOD = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_type(tmp_path: Path, kind: str, packed: bool) -> None:
    array = np.arange(-12, 12).astype(kind).reshape(2, 3, 4)
    data = idx_bytes(array)
    (tmp_path / "a").write_bytes(gzip.compress(data) if packed else data)
    result = read_idx(tmp_path / "a")
    assert result.dtype == array.dtype and result.dtype.isnative
    assert_array_equal(result, array)


def bad_files() -> dict[str, bytes]:
    huge = struct.pack(">HBB4I", 0, 8, 4, *[2**32 - 1] * 4)
    packed = gzip.compress(GOOD)
    flipped = bytearray(packed)
    flipped[-6] ^= 1  # within the checksum
    return {
        "empty": b"",
        "half a magic number": GOOD[:3],
        "header cut": GOOD[:10],
        "data cut": GOOD[:-1],
        "data missing": GOOD[:16],
        "too long": GOOD + b"\0",
        "wrong first bytes": b"\1" + GOOD[1:],
        "unknown type": GOOD[:2] + b"\x0a" + GOOD[3:],
        "no dimensions": GOOD[:3] + b"\0" + GOOD[4:],
        "too many dimensions": GOOD[:3] + b"\xff" + GOOD[4:] + bytes(2000),
        "no items": struct.pack(">HBB2I", 0, 8, 2, 0, 5),
        "huge": huge,
        "huge, packed": gzip.compress(huge),
        "packed and cut": packed[:-12],
        "packed and cut in the header": packed[:12],
        "packed and flipped": bytes(flipped),
        "packed and too long": gzip.compress(GOOD + b"\0"),
        "a bomb": gzip.compress(GOOD + bytes(50_000_000)),
    }


@pytest.mark.parametrize("case", bad_files())
def test_bad_files(tmp_path: Path, case: str) -> None:
    path = tmp_path / "digits-idx"
    path.write_bytes(bad_files()[case])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="digits-idx: bad IDX file"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(GOOD))
    read_idx(path, hashlib.sha256(GOOD).hexdigest())
    with pytest.raises(ValueError, match=r"a\.gz.*SHA-256"):
        read_idx(path, hashlib.sha256(b"else").hexdigest())


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none")
