"""Layers: names, options, shapes, and building a model step by step."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from small_models import conv_layers, conv_model

import pycnn
from pycnn import _assembly, initializers, layers
from pycnn._names import snake_case
from pycnn._topology import ordered_calls


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("Conv2D", "conv2d"),
        ("MaxPooling2D", "max_pooling2d"),
        ("ReLU", "re_lu"),
        ("Dense", "dense"),
        ("AveragePooling2D", "average_pooling2d"),
    ],
)
def test_names_are_those_of_keras(class_name: str, name: str) -> None:
    assert snake_case(class_name) == name


def test_names_are_unique_in_a_model() -> None:
    model = conv_model()
    assert [layer.name for layer in model.layers] == [
        "rescaling",
        "conv2d",
        "max_pooling2d",
        "conv2d_1",
        "average_pooling2d",
        "flatten",
        "dense",
    ]
    assert conv_model().layers[1].name == "conv2d"


def test_a_name_twice_is_refused() -> None:
    model = pycnn.Sequential([pycnn.Input((4,)), layers.Dense(2, name="last")])
    with pytest.raises(ValueError, match=r"'last'.*already"):
        model.add(layers.Dense(2, name="last"))
    assert len(model.layers) == 1


def test_a_given_name_keeps_automatic_ones_away() -> None:
    model = pycnn.Sequential([pycnn.Input((4,)), layers.Dense(2, name="dense"), layers.Dense(2)])
    assert model.layers[1].name == "dense_1"


def test_a_layer_in_two_models_has_one_set_of_weights() -> None:
    layer = layers.Dense(2)
    first = pycnn.Sequential([pycnn.Input((4,)), layer])
    second = pycnn.Sequential([pycnn.Input((4,)), layer])
    second.set_weights([np.full((4, 2), 3.0), np.ones(2)])
    assert (first.get_weights()[0] == 3).all()
    with pytest.raises(ValueError, match=r"'dense'.*\(4, 2\), \(2,\) already.*\(5, 2\)"):
        pycnn.Sequential([pycnn.Input((5,)), layer])
    with pytest.raises(ValueError, match=r"'dense'.*already; .* needs a Model"):
        first.add(layer)
    assert first.layers == [layer]


@pytest.mark.parametrize("layer", conv_layers()[1:], ids=lambda layer: type(layer).__name__)
def test_config_makes_the_same_layer(layer: layers.Layer) -> None:
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


def test_defaults_are_those_of_keras() -> None:
    conv = layers.Conv2D(3, 5).get_config()
    assert conv["strides"] == (1, 1) and conv["padding"] == "valid" and conv["use_bias"]
    assert conv["kernel_initializer"] == "glorot_uniform" and conv["bias_initializer"] == "zeros"
    pool = layers.MaxPooling2D(3).get_config()
    assert pool["pool_size"] == (3, 3) and pool["strides"] == (3, 3)


@pytest.mark.parametrize(
    ("padding", "shape"),
    [
        ("valid", (None, 4, 5, 2)),
        ("same", (None, 6, 7, 2)),
        ("SAME", (None, 6, 7, 2)),
        (2, (None, 8, 9, 2)),
        ((0, 1), (None, 4, 7, 2)),
        (((1, 0), (2, 3)), (None, 5, 10, 2)),
    ],
)
def test_padding(padding: object, shape: tuple[int, ...]) -> None:
    conv = layers.Conv2D(2, 3, padding=padding, input_shape=(6, 7, 1))  # type: ignore[arg-type]
    assert pycnn.Sequential([conv]).output_shape == shape


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(0, 3),
        lambda: layers.Conv2D(2, 0),
        lambda: layers.Conv2D(2, (3, 3, 3)),
        lambda: layers.Conv2D(2, 3, strides=0),
        lambda: layers.Conv2D(2, 3, padding=-1),
        lambda: layers.Conv2D(2, 3, padding=(1, 2, 3)),
        lambda: layers.MaxPooling2D(0),
        lambda: layers.Dense(-1),
        lambda: layers.Dense(10**10),
        lambda: layers.Rescaling(float("nan")),
        lambda: layers.Dense(2, input_shape=()),
        lambda: layers.Dense(2, input_shape=(None, 3)),
        lambda: layers.Dense(2, name="a/b"),
        lambda: pycnn.Input((0,)),
    ],
)
def test_options_out_of_range(make: object) -> None:
    with pytest.raises(ValueError, match="received"):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(2.5, 3),
        lambda: layers.Conv2D(2, "3"),
        lambda: layers.Conv2D(True, 3),
        lambda: layers.Dense("ten"),
        lambda: layers.Rescaling("1/255"),
        lambda: layers.Dense(2, activation=3),
        lambda: layers.Dense(2, input_shape=4),
        lambda: layers.Dense(2, kernel_initializer=3),
    ],
)
def test_options_of_the_wrong_type(make: object) -> None:
    with pytest.raises(TypeError, match="received"):
        make()  # type: ignore[operator]


def test_initializers_by_name_class_and_object() -> None:
    for given in ("he_normal", "HeNormal", initializers.HeNormal, initializers.HeNormal()):
        assert initializers.get(given) == "he_normal"


def test_initial_weights_follow_the_seed_and_the_initializer() -> None:
    def weights(seed: int, kernel: str) -> np.ndarray:
        pycnn.set_random_seed(seed)
        layer = layers.Dense(300, kernel_initializer=kernel, input_shape=(200,))
        return pycnn.Sequential([layer]).get_weights()[0]

    np.testing.assert_array_equal(weights(1, "he_normal"), weights(1, "he_normal"))
    assert (weights(1, "he_normal") != weights(2, "he_normal")).any()
    assert abs(weights(1, "he_normal").std() - np.sqrt(2 / 200)) < 0.002
    limit = np.sqrt(6 / 500)
    uniform = weights(1, "glorot_uniform")
    assert 0.99 * limit < abs(uniform).max() <= limit * 1.0001
    assert (weights(1, "ones") == 1).all() and (weights(1, "zeros") == 0).all()


def test_built_by_input_by_input_shape_and_by_data() -> None:
    by_input = pycnn.Sequential([pycnn.Input((3,)), layers.Dense(2)])
    by_option = pycnn.Sequential([layers.Dense(2, input_shape=[3])])
    by_data = pycnn.Sequential([layers.Dense(2)])
    assert not by_data.built
    by_data.predict(np.zeros((1, 3), np.float32), verbose=0)
    for model in (by_input, by_option, by_data):
        assert model.input_shape == (None, 3) and model.output_shape == (None, 2)
        assert model.count_params() == 8


def test_adding_keeps_the_weights() -> None:
    model = pycnn.Sequential([layers.Dense(3, input_shape=(2,))])
    before = model.get_weights()
    model.add(layers.Dense(4))
    after = model.get_weights()
    assert len(after) == 4
    for one, other in zip(before, after[:2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_that_does_not_fit_leaves_the_model_alone() -> None:
    model = pycnn.Sequential([layers.Conv2D(2, 3, input_shape=(5, 5, 1))])
    before = model.get_weights()
    for bad in (layers.Conv2D(2, 7, activation="relu"), layers.Dense(3)):
        with pytest.raises(ValueError, match=r"\["):
            model.add(bad)
    assert len(model.layers) == 1
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    model.add(layers.Flatten())
    assert model.output_shape == (None, 18)


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(TypeError, match=r"make one: Flatten"):
        pycnn.Sequential([layers.Flatten])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="expected a layer"):
        pycnn.Sequential(["dense"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="first"):
        pycnn.Sequential([pycnn.Input((2,)), pycnn.Input((2,))])
    with pytest.raises(ValueError, match="input_shape"):
        pycnn.Sequential([pycnn.Input((2,)), layers.Dense(2, input_shape=(3,))])


def test_an_activation_alone_and_a_linear_one() -> None:
    x = np.array([[-1.0, 2.0]], np.float32)
    for layer in (layers.ReLU(), layers.Activation("relu")):
        model = pycnn.Sequential([pycnn.Input((2,)), layer])
        np.testing.assert_array_equal(model.predict(x, verbose=0), [[0, 2]])
    model = pycnn.Sequential([pycnn.Input((2,)), layers.Rescaling(1), layers.Activation("linear")])
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    softmax = pycnn.Sequential([pycnn.Input((2,)), layers.Softmax()]).predict(x, verbose=0)
    np.testing.assert_allclose(softmax.sum(), 1, rtol=1e-6)


def test_summary_has_every_number() -> None:
    lines: list[str] = []
    model = pycnn.Sequential(
        [
            layers.Conv2D(6, 5, padding="same", activation="relu", input_shape=(28, 28, 1)),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
        ]
    )
    model.summary(print_fn=lines.append)
    rows = {line.split()[0]: line for line in lines if "(" in line}
    conv, pool, second = rows["conv2d"], rows["max_pooling2d"], rows["conv2d_1"]
    assert "(None, 28, 28, 6)" in conv and " 156 " in conv and conv.endswith("5 x 5")
    assert "117,600" in conv
    assert "(None, 14, 14, 6)" in pool and pool.endswith("6 x 6")
    assert "2,416" in second and "240,000" in second and second.endswith("14 x 14")
    text = "\n".join(lines)
    assert "Parameters: 2,572" in text and "357,600" in text


def test_no_shapes_no_summary() -> None:
    with pytest.raises(ValueError, match=r"Input\(shape\)"):
        pycnn.Sequential([layers.Dense(3)]).summary()


def test_models_and_layers_are_not_copied_half() -> None:
    dense = layers.Dense(2)
    model = pycnn.Sequential([pycnn.Input((3,)), dense])
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"cannot be copied or pickled; .*load_model\(path\)"):
            copied(model)
        with pytest.raises(TypeError, match=r"\[Dense 'dense'\] cannot be copied.*from_config"):
            copied(dense)


def test_adding_a_layer_does_not_look_at_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[int] = []

    def counted(outputs: Any) -> Any:
        walks.append(len(outputs))
        return ordered_calls(outputs)

    monkeypatch.setattr(_assembly, "ordered_calls", counted)
    model = pycnn.Sequential([pycnn.Input((3,))])
    for _ in range(50):
        model.add(layers.ReLU())
    assert len(walks) == 1 and len(model.layers) == 50
    assert model.layers[-1].name == "re_lu_49"
    assert model.predict(-np.ones((2, 3)), verbose=0).shape == (2, 3)


def test_names_after_pop_and_between_given_ones() -> None:
    model = pycnn.Sequential([pycnn.Input((3,)), layers.ReLU(), layers.ReLU(name="re_lu_1")])
    model.add(layers.ReLU())
    assert [layer.name for layer in model.layers] == ["re_lu", "re_lu_1", "re_lu_2"]
    last = model.pop()
    model.add(layers.ReLU())
    assert model.layers[-1].name == "re_lu_2"
    with pytest.raises(ValueError, match="has a layer of this name already"):
        model.add(last)
    with pytest.raises(ValueError, match="is in the model already"):
        model.add(model.layers[0])
    assert len(model.layers) == 3
