"""Models and weights in files: the same after as before, and never half written."""

import errno
import json
import os
import resource
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file
from small_models import conv_model, dense_model

import pycnn
from pycnn import layers

Data = tuple[np.ndarray, np.ndarray]


def test_a_loaded_model_is_the_same(digits: Data, tmp_path: Path) -> None:
    x, y = digits
    model = conv_model()
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    loaded = pycnn.load_model(tmp_path / "m.safetensors")
    assert loaded.get_config() == model.get_config()
    assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert loaded.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    loaded.fit(x, y, verbose=0)


def test_every_option_survives(tmp_path: Path) -> None:
    model = pycnn.Sequential(
        [
            layers.Conv2D(
                2,
                (3, 2),
                strides=(2, 1),
                padding=((1, 0), (0, 2)),
                activation="tanh",
                use_bias=False,
                kernel_initializer="he_normal",
                input_shape=(9, 8, 3),
                name="first",
            ),
            layers.AveragePooling2D((2, 3), strides=1, padding="same"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(5, "sigmoid", bias_initializer="ones"),
            layers.Activation("linear"),
            layers.Softmax(),
        ],
        name="mine",
    )
    model.compile(
        pycnn.optimizers.SGD(lambda step: 0.25, 0.5, True, 0.1),
        pycnn.losses.CategoricalCrossentropy(from_logits=True),
        [pycnn.metrics.TopKCategoricalAccuracy(3, "top3"), "acc"],
    )
    model.save(tmp_path / "m")
    loaded = pycnn.load_model(tmp_path / "m")
    assert loaded.get_config() == model.get_config() and loaded.name == "mine"
    assert loaded._compiled is not None and model._compiled is not None
    assert loaded._compiled.get_config() == model._compiled.get_config()
    assert loaded.optimizer.learning_rate == 0.25
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert_array_equal(one, other)
    assert pycnn.load_model(tmp_path / "m", compile=False)._compiled is None


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    model = dense_model()
    model.save(tmp_path / "m")
    tensors = load_file(tmp_path / "m")
    assert sorted(tensors) == ["dense/bias", "dense/kernel", "dense_1/bias", "dense_1/kernel"]
    assert_array_equal(tensors["dense/kernel"], model.get_weights()[0])


def test_weights_alone(tmp_path: Path) -> None:
    model, other = dense_model(), dense_model()
    model.save_weights(tmp_path / "w")
    other.load_weights(tmp_path / "w")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(one, two)
    with pytest.raises(ValueError, match="weights only"):
        pycnn.load_model(tmp_path / "w")
    model.save(tmp_path / "m")
    other.load_weights(tmp_path / "m")


def test_saving_needs_shapes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no shapes"):
        pycnn.Sequential([layers.Dense(2)]).save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def save_fails(model: pycnn.Sequential, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(OSError):
        model.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    pycnn.load_model(path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_the_old_file_stays_whole_when_a_call_fails(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = dense_model()
    model.save(tmp_path / "m")

    def fail(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        save_fails(dense_model(), tmp_path / "m")


def test_the_old_file_stays_whole_when_there_is_no_room(tmp_path: Path) -> None:
    """The system itself stops the write after 1,000 bytes."""
    model = conv_model()
    model.save(tmp_path / "m")
    assert (tmp_path / "m").stat().st_size > 2000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        save_fails(conv_model(), tmp_path / "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_saved_file_has_the_usual_rights_and_links_stay(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "m")
    dense_model().save(tmp_path / "link")
    (tmp_path / "plain").touch()
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "plain").stat().st_mode
    )


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    for name, kind in (
        ("fifo", FileExistsError),
        ("link", FileExistsError),
        ("folder", IsADirectoryError),
    ):
        for save in (dense_model().save, dense_model().save_weights):
            with pytest.raises(kind, match=f"not a regular file: '{tmp_path / name}'"):
                save(tmp_path / name)
    assert (tmp_path / "fifo").is_fifo() and sorted(tmp_path.iterdir()) == before


def test_an_error_names_the_users_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        dense_model().save(tmp_path / "none" / "m")
    assert caught.value.filename == str(tmp_path / "none" / "m")
    assert caught.value.errno == errno.ENOENT


def test_one_model_one_file(tmp_path: Path) -> None:
    model = dense_model()
    for index in range(8):  # of the entries' 24 orders, the library takes any
        model.save(tmp_path / str(index))
    contents = {(tmp_path / str(index)).read_bytes() for index in range(8)}
    assert len(contents) == 1
    assert int.from_bytes(contents.pop()[:8], "little") % 8 == 0


def unchanged_by(model: pycnn.Sequential, path: Path, message: str) -> None:
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.load_weights(path)
    for one, other in zip(before, model.get_weights(), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("keep", [0, 4, 8, 40, -1, -100])
def test_a_truncated_file(tmp_path: Path, keep: int) -> None:
    model = dense_model()
    model.save(tmp_path / "m")
    (tmp_path / "m").write_bytes((tmp_path / "m").read_bytes()[:keep])
    unchanged_by(model, tmp_path / "m", r"/m: truncated or corrupt")
    with pytest.raises(ValueError, match=r"/m: truncated or corrupt"):
        pycnn.load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**60]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}).encode(),
    ],
)
def test_a_lying_header(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "m").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0\0\0")
    unchanged_by(dense_model(), tmp_path / "m", r"/m: truncated or corrupt")
    (tmp_path / "m").write_bytes((2**63).to_bytes(8, "little") + header)
    unchanged_by(dense_model(), tmp_path / "m", r"/m: truncated or corrupt")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pycnn.load_model(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        dense_model().load_weights(tmp_path)


def test_weights_of_another_architecture(tmp_path: Path) -> None:
    def model(*units: int) -> pycnn.Sequential:
        chain = [pycnn.Input((4,)), *[layers.Dense(count) for count in units]]
        return pycnn.Sequential(chain)

    model(8, 5).save(tmp_path / "m")
    unchanged_by(
        model(8, 4), tmp_path / "m", r"layer 'dense_1' expected .*\(8, 4\); received \(8, 5\)"
    )
    unchanged_by(model(8, 5, 2), tmp_path / "m", r"layer 'dense_2' expected 'dense_2/kernel'")
    unchanged_by(model(8), tmp_path / "m", "the model has no 'dense_1/bias'")
    doubles = {name: value.astype("f8") for name, value in load_file(tmp_path / "m").items()}
    save_file(doubles, tmp_path / "f8")
    unchanged_by(model(8, 5), tmp_path / "f8", "F32; received F64")


def test_set_weights_changes_all_or_nothing() -> None:
    model = dense_model()
    weights = model.get_weights()
    bad = [np.ones_like(weight) for weight in weights]
    bad[3] = np.ones(5)
    for given, message in ((bad, r"dense_1/bias.*\(4,\); received \(5,\)"), (bad[:3], "has 4")):
        with pytest.raises(ValueError, match=message):
            model.set_weights(given)
        for one, other in zip(weights, model.get_weights(), strict=True):
            assert_array_equal(one, other)


def rewritten(path: Path, change: Any) -> Path:
    """Writes the saved model anew with a changed description."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = dict(file.metadata())
    description = json.loads(metadata["model"])
    result = change(description)
    metadata["model"] = result if isinstance(result, str) else json.dumps(description)
    save_file(load_file(path), path, metadata=metadata)
    return path


def break_json(model: dict[str, Any]) -> str:
    return json.dumps(model)[:-5]


def break_class(model: dict[str, Any]) -> None:
    model["layers"][0]["class_name"] = "Dens"


def break_option(model: dict[str, Any]) -> None:
    model["layers"][0]["config"]["units"] = -3


def break_option_name(model: dict[str, Any]) -> None:
    model["layers"][0]["config"]["unit"] = 3


def break_key(model: dict[str, Any]) -> None:
    del model["layers"]


def break_type(model: dict[str, Any]) -> None:
    model["layers"] = 3


def break_depth(model: dict[str, Any]) -> str:
    return "[" * 100_000


@pytest.mark.parametrize(
    "change",
    [break_json, break_class, break_option, break_option_name, break_key, break_type, break_depth],
)
def test_a_corrupt_description(tmp_path: Path, change: Any) -> None:
    dense_model().save(tmp_path / "m")
    with pytest.raises(ValueError, match="/m: cannot make its model"):
        pycnn.load_model(rewritten(tmp_path / "m", change))


def test_an_unknown_layer_is_told_the_known_classes(tmp_path: Path) -> None:
    dense_model().save(tmp_path / "m")
    with pytest.raises(
        ValueError,
        match=r"unknown layer 'Dens'; did you mean 'Dense'\? Known: .*'AveragePooling2D'",
    ):
        pycnn.load_model(rewritten(tmp_path / "m", break_class))


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (10**8, r"/m: weights of another architecture.*\(4, 100000000\); received \(4, 8\)"),
        (10**9, "/m: cannot make its model"),
        (10**30, "/m: cannot make its model"),
    ],
)
def test_a_description_that_wants_too_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, units: int, message: str
) -> None:
    """Shapes are compared with those in the file before a network is made for them."""

    def change(model: dict[str, Any]) -> None:
        model["layers"][0]["config"]["units"] = units

    def no_network(*arguments: Any) -> None:
        raise AssertionError("a network was made")

    dense_model().save(tmp_path / "m")
    monkeypatch.setattr("pycnn._core.Network", no_network)
    with pytest.raises(ValueError, match=message):
        pycnn.load_model(rewritten(tmp_path / "m", change))


def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "m")
    with pytest.raises(ValueError, match="not a file of pycnn"):
        pycnn.load_model(tmp_path / "m")
    save_file({}, tmp_path / "m", metadata={"format": "pycnn", "version": "99"})
    with pytest.raises(ValueError, match="version"):
        pycnn.load_model(tmp_path / "m")


def test_an_open_files_number_is_no_path(tmp_path: Path) -> None:
    model = dense_model()
    with open(tmp_path / "other", "wb") as file:
        for use in (pycnn.load_model, model.load_weights, model.save, model.save_weights):
            with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike"):
                use(file.fileno())
        file.write(b"still open")
    assert (tmp_path / "other").read_bytes() == b"still open"


def test_the_longest_names_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 243 + ".safetensors")  # 255 bytes, all that file systems take
    model = dense_model()
    model.save(path)
    loaded = pycnn.load_model(path)
    assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
