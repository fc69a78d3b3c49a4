"""Where MNIST comes from, and drawn digits."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_models import conv_model
from test_idx import idx_bytes

import pycnn
from pycnn.datasets import mnist as source

Files = dict[str, bytes]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Files:
    """Four small files instead of MNIST's, with sums of their own; no data folder, no cache."""
    pooch = pytest.importorskip("pooch")
    contents = {}
    for index, name in enumerate(source._SHA256):
        shape = (3, 2, 2) if "images" in name else (3,)
        contents[name] = idx_bytes(np.full(shape, index, np.uint8))
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    monkeypatch.setattr(source, "_SHA256", sums)
    monkeypatch.delenv("PYCNN_DATA_DIR", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    return contents


class Web:
    """Takes pooch's place: gives files, or fails, mirror by mirror."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, mirrors: dict[str, Any]) -> None:
        self.asked: list[str] = []
        self._mirrors = mirrors
        monkeypatch.setattr("pooch.retrieve", self.retrieve)

    def retrieve(self, url: str, *, fname: str, path: Path, **options: Any) -> str:
        target = Path(path) / fname
        if not target.exists():
            self.asked.append(url)
            files = next(self._mirrors[key] for key in self._mirrors if key in url)
            if isinstance(files, Exception):
                raise files
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(gzip.compress(files[fname.removesuffix(".gz")]))
        return str(target)


def check(data: Any) -> None:
    for index, array in enumerate([*data[0], *data[1]]):
        assert array.dtype == np.uint8
        assert_array_equal(array, np.full(array.shape, index))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_data_folder_comes_first(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    web = Web(monkeypatch, {})
    (tmp_path / "mnist").mkdir()
    for name, data in files.items():
        packed = gzip.compress(data) if suffix else data
        (tmp_path / "mnist" / f"{name}{suffix}").write_bytes(packed)
    monkeypatch.setenv("PYCNN_DATA_DIR", str(tmp_path))
    check(source.load_data())
    assert web.asked == []
    (tmp_path / "mnist" / f"{name}{suffix}").write_bytes(data[:-1] + b"\7")
    with pytest.raises(ValueError, match=f"{name}{suffix}.*SHA-256"):
        source.load_data()


def test_downloads_go_to_the_cache(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web(monkeypatch, {"ossci": files})
    check(source.load_data())
    check(source.load_data())
    assert len(web.asked) == 4


def test_the_second_mirror_is_asked(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web(monkeypatch, {"ossci": OSError("no route"), "cvdf": files})
    check(source.load_data())
    assert len(web.asked) == 8


def test_a_bad_download_is_dropped(
    files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = {name: data[:-1] + b"\7" for name, data in files.items()}
    Web(monkeypatch, {"ossci": wrong, "cvdf": wrong})
    with pytest.raises(OSError, match=r"(?s)MNIST.*ossci.*SHA-256.*cvdf.*SHA-256"):
        source.load_data()
    assert list((tmp_path / "cache").rglob("*.gz")) == []
    Web(monkeypatch, {"ossci": wrong, "cvdf": files})
    check(source.load_data())


def test_no_mirror_no_mnist(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    Web(monkeypatch, {"": OSError("no route")})
    with pytest.raises(
        OSError, match=r"cannot get train-images.*\n  https://ossci.*: no route\n.*no route$"
    ):
        source.load_data()


def test_a_long_reason_is_named_in_short(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    Web(monkeypatch, {"": TimeoutError("a pool's story " * 20)})
    with pytest.raises(OSError) as caught:
        source.load_data()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3 and max(map(len, lines)) < 100
    assert lines[1].endswith(": TimeoutError")


def test_real_mnist(mnist: Any) -> None:
    (x_train, y_train), (x_test, y_test) = mnist
    assert x_train.shape == (60_000, 28, 28) and x_test.shape == (10_000, 28, 28)
    assert y_train.shape == (60_000,) and y_test.shape == (10_000,)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert_array_equal(y_train[:5], [5, 0, 4, 1, 9])
    assert_array_equal(np.unique(y_test), np.arange(10))
    assert x_train.max() == 255


def test_drawn_digits_follow_their_seed() -> None:
    x, y = pycnn.datasets.synthetic_digits(300, seed=1)
    assert x.shape == (300, 28, 28) and x.dtype == y.dtype == np.uint8
    assert_array_equal(np.unique(y), np.arange(10))
    for one, other in zip((x, y), pycnn.datasets.synthetic_digits(300, seed=1), strict=True):
        assert_array_equal(one, other)
    assert (x != pycnn.datasets.synthetic_digits(300, seed=2)[0]).any()
    with pytest.raises(ValueError, match="n must be"):
        pycnn.datasets.synthetic_digits(0)


def test_drawn_digits_are_learned() -> None:
    x, y = pycnn.datasets.synthetic_digits(2000, seed=1)
    model = conv_model()
    model.fit(x, y, epochs=6, verbose=0)
    logs = model.evaluate(*pycnn.datasets.synthetic_digits(500, seed=2), verbose=0)
    assert logs[1] > 0.9  # type: ignore[index]
