"""Errors of whole models that say which model, output or layer is meant."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import layers, metrics, models


def two_outputs(first: str = "a", second: str = "b") -> pycnn.Model:
    x = pycnn.Input((4,))
    return pycnn.Model(x, {first: layers.Dense(3)(x), second: layers.Dense(2)(x)})


@pytest.mark.parametrize("softmax", [True, False])
def test_top_k_over_the_classes_names_the_layer(softmax: bool) -> None:
    last = layers.Dense(3, activation="softmax" if softmax else None, name="scores")
    model = pycnn.Sequential([pycnn.Input((4,)), last])
    with pytest.raises(ValueError, match=r"k = 5 needs 1 <= k <= 3, the classes of .*'scores'\]"):
        model.compile(
            "sgd",
            pycnn.losses.SparseCategoricalCrossentropy(from_logits=not softmax),
            [metrics.SparseTopKCategoricalAccuracy(5)],
        )


def test_accuracy_of_a_map_names_the_layer() -> None:
    maps = pycnn.Sequential([pycnn.Input((4, 4, 1)), layers.Conv2D(2, 3, name="maps")])
    with pytest.raises(ValueError, match=r"output of \[Conv2D 'maps'\] is \(None, 2, 2, 2\)"):
        maps.compile("sgd", "mse", ["accuracy"])


@pytest.mark.parametrize("names", [("a", "val"), ("a", "val_a")])
def test_names_of_training_and_validation_must_differ(names: tuple[str, str]) -> None:
    """val_loss would be the loss of the output `val` and the validation's loss."""
    with pytest.raises(
        ValueError, match=r"'val_.*loss' would be a name in the logs of training and"
    ):
        two_outputs(*names).compile("sgd", "mse")


def test_a_metric_like_the_validation_s_loss_is_refused() -> None:
    model = pycnn.Sequential([pycnn.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"^\[compile\] 'val_loss' would be"):
        model.compile("sgd", "mse", [metrics.Accuracy(name="val_loss")])
    model.compile("sgd", "mse", [metrics.Accuracy(name="valid")])


class Unmade(pycnn.Model):
    def __init__(self) -> None:
        self.depth = 3


@pytest.mark.parametrize(
    "use",
    [
        lambda model: model.predict(np.ones((1, 4))),
        lambda model: model.fit(1, 1),
        lambda model: model.compile(),
        lambda model: model.summary(),
        lambda model: model.count_params(),
        lambda model: model.save("m"),
        lambda model: model(pycnn.Input((4,))),
        lambda model: pycnn.Sequential([model]),
    ],
)
def test_a_model_whose_constructor_was_not_called(use: Any) -> None:
    with pytest.raises(TypeError, match=r"^\[Unmade\] __init__ must call super\(\).__init__"):
        use(Unmade())


def test_stages_take_models() -> None:
    net = pycnn.Sequential([pycnn.Input((4,)), layers.Dense(2)])
    for pair in ((1, 2), (net, "vgg11"), (None, net)):
        with pytest.raises(TypeError, match="start_from takes two models; received"):
            models.start_from(*pair)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(30, 30, 1), (28, 32, 1), (64, 64, 3)])
def test_lenet5_takes_its_two_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="28 x 28 or 32 x 32; received"):
        models.lenet5(shape)


@pytest.mark.parametrize("part", ["inputs", "outputs", "call"])
def test_a_damaged_description(tmp_path: Path, part: str) -> None:
    config = two_outputs().get_config()
    if part == "call":
        config["calls"][0]["inputs"] = []
    else:
        config[part] = []
        config["input_form"] = config["output_form"] = "one"
        if part == "inputs":
            config["calls"] = []
    with pytest.raises(ValueError, match=r"reads nothing|at least one input|no call before it"):
        pycnn.Model.from_config(config)
    path = tmp_path / "m"
    two_outputs().save(path)
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    header["__metadata__"]["model"] = json.dumps(config)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + size :])
    with pytest.raises(ValueError, match="cannot make its model"):
        pycnn.load_model(path)


class Outer(layers.Layer):
    """Asks a model for a prediction, maybe the one that it is in."""

    asked: pycnn.Model

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.asked.predict(x, verbose=0)
        return x


def test_a_busy_model_is_named() -> None:
    layer = Outer()
    model = pycnn.Sequential([pycnn.Input((4,)), layer], name="mine")
    layer.asked = model
    with pytest.raises(RuntimeError, match=r"^\[Sequential 'mine'\] this model is at work"):
        model.predict(np.ones((2, 4)), verbose=0)


def test_weights_in_a_busy_model_name_their_layer() -> None:
    shared, layer = layers.Dense(4, name="shared"), Outer()
    model = pycnn.Sequential([pycnn.Input((4,)), shared, layer], name="mine")
    layer.asked = pycnn.Sequential([pycnn.Input((4,)), shared], name="other")
    with pytest.raises(
        RuntimeError, match=r"^\[Dense 'shared'\] has its newest weights in another"
    ):
        model.predict(np.ones((2, 4)), verbose=0)


def nested(depth: int) -> pycnn.Model:
    x = pycnn.Input((4,))
    model = pycnn.Model(x, layers.Dense(4)(x))
    for _ in range(depth):
        x = pycnn.Input((4,))
        model = pycnn.Model(x, model(x))
    return model


def test_models_may_be_nested_deep_but_not_without_end(tmp_path: Path) -> None:
    deep = nested(200)
    assert deep.predict(np.ones((2, 4)), verbose=0).shape == (2, 4)
    with pytest.raises(ValueError, match="nested too deep"):
        nested(300).save(tmp_path / "m")
    with pytest.raises(ValueError, match=r"^\[Model '.*'\] models are nested too deep$"):
        nested(2_000)


def test_a_neuron_as_an_array() -> None:
    model = pycnn.Sequential([pycnn.Input((5, 5, 1)), layers.Conv2D(2, 3, name="maps")])
    place = pycnn.analysis.maximal_input(model, "maps", (1, 2, 0), steps=1)
    given = pycnn.analysis.maximal_input(model, "maps", np.array([1, 2, 0]), steps=1)
    np.testing.assert_array_equal(given, place)
    channel = pycnn.analysis.maximal_input(model, "maps", np.array(1), steps=1)
    np.testing.assert_array_equal(channel, pycnn.analysis.maximal_input(model, "maps", 1, steps=1))
    with pytest.raises(ValueError, match="no neuron or channel"):
        pycnn.analysis.maximal_input(model, "maps", np.array([1, 2]), steps=1)
