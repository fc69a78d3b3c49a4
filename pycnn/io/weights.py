"""Weights in safetensors files: written all or nothing, checked before they are taken."""

import contextlib
import errno
import json
import os
import secrets
import stat
from collections.abc import Iterable, Sequence
from typing import Any

from pycnn import _core
from pycnn._arrays import Array

PathLike = str | os.PathLike[str]

#: Every file of pycnn says this in its metadata.
FORMAT = {"format": "pycnn", "version": "1"}


def full_name(parameter: _core.Parameter) -> str:
    """The name of a weight in a file: ``"conv2d/kernel"``."""
    return f"{parameter.layer}/{parameter.name}"


def write(path: PathLike, tensors: dict[str, Array], metadata: dict[str, str]) -> None:
    """Writes tensors and metadata; a file of that name stays whole until the new one is complete.

    The same tensors and metadata give the same bytes.

    Raises:
        OSError: it cannot be written, e.g. because the disk is full.
    """
    from safetensors.numpy import save

    write_whole(path, *_with_sorted_metadata(save(tensors, FORMAT | metadata)))


def write_whole(path: PathLike, *pieces: bytes | memoryview) -> None:
    """Writes a file beside `path` and puts it there only when it is safe on disk.

    Raises:
        OSError: it cannot be written, or `path` is a folder, a device or the like; what was there
            is as it was.
    """
    target = os.path.realpath(checked_path(path))
    try:
        _check_replaceable(target)
        _replace(target, pieces)
    except OSError as error:  # names the temporary file, if any
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def _check_replaceable(target: str) -> None:
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        kind = errno.EISDIR if stat.S_ISDIR(mode) else errno.EEXIST
        raise OSError(kind, "Exists and is not a regular file")


def _replace(target: str, pieces: Iterable[bytes | memoryview]) -> None:
    folder = os.path.dirname(target)  # the temporary name is short, whatever the target's
    temporary = os.path.join(folder, f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def read(path: PathLike, expected: Sequence[_core.Parameter]) -> list[Array]:
    """Returns the weights of a file in the order of `expected`, float32.

    Names, shapes and types are compared with `expected` in the file's header first.

    Raises:
        OSError: it cannot be read.
        ValueError: truncated, corrupt, or weights of another architecture; names the layer, what
            was expected and what came.
    """
    with open_file(path) as file:
        _check(path, file, expected)
        return [file.get_tensor(full_name(parameter)) for parameter in expected]


def read_metadata(path: PathLike) -> dict[str, str]:
    """Returns the metadata of a file of pycnn.

    Raises:
        OSError: it cannot be read.
        ValueError: truncated, corrupt, or not written by pycnn.
    """
    with open_file(path) as file:
        metadata: dict[str, str] = file.metadata() or {}
    if metadata.get("format") != FORMAT["format"]:
        raise ValueError(f"{os.fspath(path)}: not a file of pycnn, its metadata do not say so")
    if metadata.get("version") != FORMAT["version"]:
        raise ValueError(
            f"{os.fspath(path)}: expected version {FORMAT['version']} of the format; "
            f"received {metadata.get('version')}"
        )
    return metadata


def checked_path(path: Any) -> str:
    """Returns the path as a str; an integer would be taken for an open file, and closed.

    Raises:
        TypeError: neither a str nor an os.PathLike of one.
    """
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        raise TypeError(f"a file's path must be a str or os.PathLike; received {path!r}")
    return name


def open_file(path: PathLike) -> Any:
    """Opens a safetensors file; its header is checked against the file's size.

    Raises:
        OSError: it cannot be read.
        ValueError: truncated or corrupt.
    """
    from safetensors import SafetensorError, safe_open

    path = checked_path(path)
    with open(path, "rb"):  # for Python's own message when it cannot be read
        pass
    try:
        return safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise ValueError(f"{path}: truncated or corrupt weights file: {error}") from None


def _check(path: PathLike, file: Any, expected: Sequence[_core.Parameter]) -> None:
    there = set(file.keys())
    for parameter in expected:
        name = full_name(parameter)
        start = f"{os.fspath(path)}: weights of another architecture: layer {parameter.layer!r}"
        if name not in there:
            raise ValueError(
                f"{start} expected {name!r} {tuple(parameter.shape)}; the file has "
                f"{', '.join(sorted(there)[:8]) or 'no weights'}"
            )
        entry = file.get_slice(name)
        came = tuple(entry.get_shape())
        if came != tuple(parameter.shape):
            raise ValueError(
                f"{start} expected {name!r} of shape {tuple(parameter.shape)}; received {came}"
            )
        if entry.get_dtype() != "F32":
            raise ValueError(f"{start} expected {name!r} in F32; received {entry.get_dtype()}")
    left = there - {full_name(parameter) for parameter in expected}
    if left:
        raise ValueError(
            f"{os.fspath(path)}: weights of another architecture: the model has no "
            f"{', '.join(map(repr, sorted(left)[:8]))}"
        )


def _with_sorted_metadata(data: bytes) -> tuple[bytes, memoryview]:
    """Returns header and rest of a safetensors file; the library shuffles the metadata."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors begin at a multiple of 8, as the library has it
    return len(text).to_bytes(8, "little") + text, memoryview(data)[start:]


def _sync_folder(folder: str) -> None:
    """Makes the new name last through a power failure, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
