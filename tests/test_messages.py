"""Whatever options are given, errors speak of the option, not of the binding behind it."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import layers, losses, ops, optimizers

#: What no option at all, or only some, can be.
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 1.5, -0.5, 1e300, float("nan"), float("inf"),
    2**31, 2**63, 2**70, "a", "", "valid", b"x", [], [1], [1, 2], [1, 2, 3], [[1, 2], [3, 4]],
    ["a", "b"], [None, 1], {}, {1: 2}, object(), np.array(1), np.array([1, 2]),
    np.array([1.5, 2.5]), np.bool_(True), np.float32(0.5),
]  # fmt: skip

LAYERS = [
    item
    for name, item in vars(layers).items()
    if isinstance(item, type) and name in layers.__all__ and item is not layers.Weight
]
OPS = [getattr(ops, name) for name in ops.__all__]

NEEDED: dict[str, dict[str, Any]] = {
    "Conv2D": {"filters": 2, "kernel_size": 2},
    "DepthwiseConv2D": {"kernel_size": 2},
    "Dense": {"units": 2},
    "Activation": {"activation": "relu"},
    "Dropout": {"rate": 0.5},
    "Rescaling": {"scale": 0.5},
    "Reshape": {"target_shape": (-1,)},
    "Permute": {"dims": (2, 1, 3)},
    "Input": {"shape": (4, 4, 2)},
}

IMAGES = np.ones((2, 4, 4, 2), np.float32)
ROWS = np.ones((2, 4), np.float32)
ARGUMENTS: dict[str, Any] = {
    "x": IMAGES,
    "dy": IMAGES,
    "a": IMAGES,
    "b": IMAGES,
    "xs": [IMAGES, IMAGES],
    "kernel": np.ones((2, 2, 2, 2), np.float32),
    "gamma": np.ones(2),
    "beta": np.ones(2),
    "mean": np.ones(2),
    "variance": np.ones(2),
    "rate": 0.5,
    "scale": 0.5,
    "shape": (-1,),
    "dims": (2, 1, 3),
    "parameter": ROWS,
    "gradient": ROWS,
    "logits": ROWS,
    "probabilities": ROWS / 4,
    "labels": np.array([0, 1]),
    "y_pred": ROWS,
    "y_true": ROWS,
}
#: Where an argument of that name is something else.
SPECIAL: dict[str, dict[str, Any]] = {
    "dense": {"x": ROWS, "kernel": np.ones((4, 3))},
    "dense_backward": {"x": ROWS, "dy": np.ones((2, 3)), "kernel": np.ones((4, 3))},
    "augment": {"scale": (0.9, 1.1)},
    "augment_backward": {"scale": (0.9, 1.1)},
    "local_response_norm": {"beta": 0.75},
    "local_response_norm_backward": {"beta": 0.75},
    "flatten_backward": {"dy": np.ones((2, 32))},
    "global_avg_pool2d_backward": {"dy": np.ones((2, 2))},
    "global_max_pool2d_backward": {"dy": np.ones((2, 2))},
    "max_pool2d_backward": {"dy": np.ones((2, 2, 2, 2))},
    "avg_pool2d_backward": {"dy": np.ones((2, 2, 2, 2))},
    "zero_pad2d_backward": {"dy": np.ones((2, 6, 6, 2))},
    "reshape_backward": {"dy": np.ones((2, 32))},
    "conv2d_backward": {"dy": np.ones((2, 3, 3, 2))},
    "depthwise_conv2d_backward": {"dy": np.ones((2, 3, 3, 4))},
    "concatenate_backward": {"dy": np.ones((2, 4, 4, 4))},
}


def required(function: Callable[..., Any]) -> dict[str, Any]:
    """Arguments with which it works."""
    known = ARGUMENTS | SPECIAL.get(function.__name__, {})
    parameters = inspect.signature(function).parameters.values()
    return {p.name: known[p.name] for p in parameters if p.default is inspect.Parameter.empty}


def check_all(function: Callable[..., Any], given: dict[str, Any], names: Any) -> None:
    """With each value of each option it works, or says what is wrong so that a user can read it."""
    for name in names:
        for value in VALUES:
            try:
                function(**(given | {name: value}))
            except (ValueError, TypeError, OverflowError, MemoryError) as error:
                message = str(error)
                assert message, (name, value)
                assert not re.search("incompatible|pybind|_core|invoked with", message, re.I), (
                    f"{name}={value!r}: {message}"
                )


@pytest.mark.parametrize("function", OPS, ids=lambda function: function.__name__)
def test_ops(function: Callable[..., Any]) -> None:
    given = required(function)
    function(**given)
    check_all(function, given, inspect.signature(function).parameters)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_layers(layer: type[Any]) -> None:
    needed = NEEDED.get(layer.__name__, {})

    def use(**options: Any) -> None:
        made = layer(**(needed | options))
        if layer is layers.Input or layer is layers.Layer:
            return
        x = pycnn.Input((8,) if layer is layers.Dense else (4, 4, 2))
        merges = layer in (layers.Add, layers.Concatenate)
        pycnn.Model(x, made([x, x] if merges else x))

    use()
    # `unknown` among them: an option that does not exist.
    check_all(use, {}, inspect.signature(layer).parameters)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_optimizers(name: str) -> None:
    optimizer = getattr(optimizers, name)
    check_all(optimizer, {}, inspect.signature(optimizer).parameters)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_an_option_that_does_not_exist_is_one_of_the_public_class(layer: type[Any]) -> None:
    with pytest.raises(TypeError, match=rf"\b{layer.__name__}\b.*'foo'"):
        layer(**NEEDED.get(layer.__name__, {}), foo=1)


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (layers.Augmentation, "horizontal_flip"),
        (lambda **o: layers.Conv2D(2, 2, **o), "use_bias"),
        (lambda **o: layers.DepthwiseConv2D(2, **o), "use_bias"),
        (lambda **o: layers.Dense(2, **o), "use_bias"),
        (layers.GlobalAveragePooling2D, "keepdims"),
        (layers.GELU, "approximate"),
        (layers.BatchNormalization, "center"),
        (layers.BatchNormalization, "scale"),
        (optimizers.SGD, "nesterov"),
        (optimizers.Adam, "amsgrad"),
        (optimizers.RMSprop, "centered"),
        (lambda **o: optimizers.schedules.ExponentialDecay(0.1, 1, 0.5, **o), "staircase"),
        (losses.SparseCategoricalCrossentropy, "from_logits"),
        (losses.CategoricalCrossentropy, "from_logits"),
        (pycnn.callbacks.EarlyStopping, "restore_best_weights"),
        (lambda **o: pycnn.callbacks.ModelCheckpoint("m", **o), "save_best_only"),
        (lambda **o: pycnn.callbacks.ModelCheckpoint("m", **o), "save_weights_only"),
        (lambda **o: pycnn.callbacks.CSVLogger("log", **o), "append"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_a_switch_is_true_or_false(make: Callable[..., Any], option: str) -> None:
    for value in ("no", "False", 1, None, [], 0.0):
        with pytest.raises(TypeError, match=f"{option} must be True or False; received"):
            make(**{option: value})
    if option != "nesterov":  # which needs momentum
        make(**{option: np.bool_(True)})
        make(**{option: False})


def test_numbers_are_not_rounded_in_messages() -> None:
    with pytest.raises(ValueError, match=r"below 1; received 0\.99999999999, which is 1 in"):
        layers.Dropout(0.99999999999)
    with pytest.raises(ValueError, match=r"got -1e-07$"):
        ops.leaky_relu(1.0, -1e-7)
    with pytest.raises(ValueError, match=r"momentum must be in \[0, 1\); got -1e-08$"):
        ops.sgd(1.0, 1.0, momentum=-1e-8)
