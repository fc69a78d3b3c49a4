"""IDX files, the format of MNIST: plain or gzip.

Two zero bytes, the type, the number of dimensions; each dimension in 4 bytes; then the items in C
order; all big-endian. Source: LeCun, Cortes and Burges, "The MNIST database".
"""

import gzip
import hashlib
import math
import os
import zlib
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8
# Deflate cannot make more than this many bytes of one.
_MAX_DEFLATE_RATIO = 1032
_CHUNK = 1 << 20


class _Header(NamedTuple):
    raw: bytes
    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]

    @property
    def data_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_idx(path: str | os.PathLike[str], sha256: str | None = None) -> npt.NDArray[Any]:
    """Returns the array of an IDX file, in native byte order.

    The header is checked against the file's size before memory is taken.

    Args:
        path: of the file; gzip is told by its first bytes, not by its name.
        sha256: checksum that the decompressed file must have, in hexadecimal.

    Raises:
        OSError: it cannot be read.
        ValueError: truncated, corrupt, with a header that does not match its size, or with another
            checksum; names the file.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            if not compressed:
                return _read(file, size, sha256)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(unpacked, size * _MAX_DEFLATE_RATIO, sha256)  # type: ignore[arg-type]
        except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{name}: bad IDX file: {error}") from None


def _read(file: BinaryIO, most: int, sha256: str | None) -> npt.NDArray[Any]:
    header = _read_header(file)
    needed = len(header.raw) + header.data_bytes
    if needed > most:
        raise ValueError(
            f"the header promises shape {header.shape}, {needed} bytes; "
            f"the file cannot hold more than {most}"
        )
    data = bytearray()
    while chunk := file.read(min(_CHUNK, header.data_bytes - len(data) + 1)):
        data += chunk
        if len(data) > header.data_bytes:
            raise ValueError(
                f"the header promises shape {header.shape}, {header.data_bytes} bytes of data; "
                "the file has more"
            )
    if len(data) < header.data_bytes:
        raise ValueError(
            f"truncated: the header promises shape {header.shape}, {header.data_bytes} bytes of "
            f"data; the file has {len(data)}"
        )
    _check_sum(header.raw, data, sha256)
    array = np.frombuffer(data, header.dtype).reshape(header.shape)
    return array.astype(header.dtype.newbyteorder("="), copy=False)


def _read_header(file: BinaryIO) -> _Header:
    magic = file.read(4)
    if len(magic) < 4:
        raise ValueError(f"truncated: {len(magic)} bytes, the header alone has 4 or more")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise ValueError(f"the first four bytes are {magic.hex()}, not those of IDX")
    rank = magic[3]
    if not 1 <= rank <= _MAX_DIMENSIONS:
        raise ValueError(f"expected 1 to {_MAX_DIMENSIONS} dimensions; received {rank}")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise ValueError("truncated within the header")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if 0 in shape:
        raise ValueError(f"no data: shape {shape}")
    return _Header(magic + sizes, np.dtype(_TYPES[magic[2]]), shape)


def _check_sum(header: bytes, data: bytearray, sha256: str | None) -> None:
    if sha256 is None:
        return
    digest = hashlib.sha256(header)
    digest.update(data)
    if digest.hexdigest() != sha256.lower():
        raise ValueError(f"expected SHA-256 {sha256}; received {digest.hexdigest()}")
