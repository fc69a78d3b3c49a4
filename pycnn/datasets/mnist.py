"""MNIST: 70,000 handwritten digits, 28x28 grey pixels (LeCun, Cortes and Burges; CC BY-SA 3.0)."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pycnn.io.idx import read_idx

Pair = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]

# SHA-256 of the decompressed bytes: archives differ from mirror to mirror.
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def load_data() -> tuple[Pair, Pair]:
    """Returns ``((x_train, y_train), (x_test, y_test))``, as Keras does.

    Images are uint8 ``(60000, 28, 28)`` and ``(10000, 28, 28)``, 0 to 255; labels uint8
    ``(60000,)`` and ``(10000,)``, 0 to 9. The files come from ``$PYCNN_DATA_DIR/mnist``, else from
    the user's cache, else from a mirror into that cache; their checksums are verified.

    Raises:
        OSError: not at hand, and no mirror gives it.
        ValueError: a file in ``$PYCNN_DATA_DIR/mnist`` is not the one it should be.
    """
    x_train, y_train, x_test, y_test = (_load(name) for name in _SHA256)
    return (x_train, y_train), (x_test, y_test)


def _load(name: str) -> npt.NDArray[np.uint8]:
    local = _in_data_dir(name)
    if local is not None:
        return read_idx(local, _SHA256[name])
    reasons = []
    for mirror in _MIRRORS:
        try:
            return _load_from(mirror, name)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            reasons.append(f"\n  {mirror}: {_reason(error)}")
    raise OSError(f"MNIST: cannot get {name}.gz:{''.join(reasons)}")


def _reason(error: Exception) -> str:
    """What went wrong, in a line."""
    text = str(error)
    # requests tells of its own insides at length.
    return type(error).__name__ if isinstance(error, OSError) and len(text) > 160 else text


def _in_data_dir(name: str) -> Path | None:
    folder = os.environ.get("PYCNN_DATA_DIR")
    if not folder:
        return None
    candidates = (Path(folder) / "mnist" / file for file in (f"{name}.gz", name))
    return next((path for path in candidates if path.is_file()), None)


def _load_from(mirror: str, name: str) -> npt.NDArray[Any]:
    """Reads a file from the cache, downloading it when it is not there; drops a bad one."""
    import pooch  # type: ignore[import-untyped]  # here, because it is slow to import

    folder = Path(pooch.os_cache("pycnn")) / "mnist"
    pooch.get_logger().setLevel("WARNING")
    # The checksum of the archive is unknown; that of its contents is checked below.
    path = pooch.retrieve(
        f"{mirror}{name}.gz", known_hash=None, fname=f"{name}.gz", path=folder, progressbar=True
    )
    try:
        return read_idx(path, _SHA256[name])
    except ValueError:
        Path(path).unlink(missing_ok=True)
        raise
