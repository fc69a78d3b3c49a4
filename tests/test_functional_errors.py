"""What a functional model refuses: when it is built, naming the layer, with nothing changed."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import pycnn
from pycnn import layers


def test_merges_of_unequal_shapes() -> None:
    x, y = pycnn.Input((4, 4, 2)), pycnn.Input((4, 4, 3))
    with pytest.raises(ValueError, match=r"\[Add 'sum'\].*\(None, 4, 4, 2\).*\(None, 4, 4, 3\)"):
        layers.Add(name="sum")([x, y])
    with pytest.raises(ValueError, match=r"\[Concatenate 'all'\].*4, 4, 2.*4, 4, 3"):
        layers.Concatenate(axis=1, name="all")([x, y])
    with pytest.raises(ValueError, match=r"\[Concatenate 'concatenate'\] axis 4 does not exist"):
        layers.concatenate([x, x], axis=4)
    with pytest.raises(ValueError, match="axis 0 is the batch"):
        layers.concatenate([x, x], axis=0)
    with pytest.raises(ValueError, match=r"axis -4 does not exist"):
        layers.concatenate([x, x], axis=-4)
    for inputs in ([x], x):
        with pytest.raises(ValueError, match=r"\[Add 'add'\] expected a list of two or more"):
            layers.Add()(inputs)
    with pytest.raises(ValueError, match=r"\[Dense 'd'\] takes one input; received 2"):
        layers.Dense(1, name="d")([x, y])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (np.zeros((2, 4)), "received ndarray; arrays go to a model's predict"),
        (layers.Dense(3), r"received Dense; call it first: Dense\(...\)\(x\)"),
        (None, "received NoneType"),
        ((28, 28), "received int"),
    ],
)
def test_a_layer_called_on_no_tensor(item: Any, message: str) -> None:
    with pytest.raises(TypeError, match=rf"\[Dense 'd'\] expected a pycnn.Input.*{message}"):
        layers.Dense(1, name="d")(item)


def test_a_disconnected_graph() -> None:
    x, stray = pycnn.Input((4,)), pycnn.Input((4,), name="stray")
    y = layers.add([layers.Dense(4)(x), layers.Dense(4, name="lost")(stray)])
    with pytest.raises(ValueError, match=r"\[Dense 'lost'\] needs an input that the model"):
        pycnn.Model(x, y)
    with pytest.raises(ValueError, match=r"\[Dense 'alone'\] needs an input"):
        pycnn.Model(x, [layers.Dense(1)(x), layers.Dense(1, name="alone")(stray)])
    with pytest.raises(ValueError, match=r"\[Model 'm'\] input 'stray' \(None, 4\) reaches no out"):
        pycnn.Model([x, stray], layers.Dense(1)(x), name="m")
    with pytest.raises(ValueError, match=r"\[Model 'm'\] needs an input"):
        pycnn.Model(x, [stray, layers.Dense(1)(x)], name="m")


def test_a_failed_model_leaves_layers_as_they_were() -> None:
    x, stray = pycnn.Input((4,)), pycnn.Input((4,))
    layer, twin = layers.Dense(4), layers.Dense(4, name="dense")
    with pytest.raises(ValueError, match="needs an input"):
        pycnn.Model(x, layers.add([layer(x), twin(stray)]))
    model = pycnn.Model(x, layer(x))
    assert layer.name == "dense" and len(model.layers) == 1


def test_cycles() -> None:
    chain = pycnn.Sequential([pycnn.Input((4,)), layers.Dense(4)], name="chain")
    with pytest.raises(ValueError, match=r"\[Sequential 'chain'\] holds .*chain.*a cycle"):
        chain.add(chain)
    x = pycnn.Input((4,))
    around = pycnn.Model(x, chain(x), name="around")
    with pytest.raises(ValueError, match=r"\[Model 'around'\] holds .*chain.*a cycle"):
        chain.add(around)
    with pytest.raises(RuntimeError, match=r"'chain'.*part of another model"):
        chain.add(layers.Dense(1))
    with pytest.raises(RuntimeError, match=r"'chain'.*part of another model"):
        chain.pop()
    assert len(chain.layers) == 1


def test_ends_that_are_none() -> None:
    x = pycnn.Input((4,))
    y = layers.Dense(2)(x)
    for inputs in (y, None, (4,), layers.Dense(1)):
        with pytest.raises(TypeError, match=r"inputs must be pycnn\.Input"):
            pycnn.Model(inputs, y)
    for outputs in (None, layers.Dense(1), np.zeros(2)):
        with pytest.raises(TypeError, match=r"expected a pycnn\.Input or what a layer gave"):
            pycnn.Model(x, outputs)
    with pytest.raises(ValueError, match="at least one input and one output"):
        pycnn.Model(x, [])
    with pytest.raises(ValueError, match="lists an input twice"):
        pycnn.Model([x, x], y)
    with pytest.raises(ValueError, match="'left' is listed as 'right'"):
        pycnn.Model({"right": pycnn.Input((4,), name="left")}, y)


def test_names_twice() -> None:
    x = pycnn.Input((4,))
    y = layers.Dense(4, name="same")(layers.Dense(4, name="same")(x))
    with pytest.raises(ValueError, match=r"\[Dense 'same'\] the model has a layer of this name"):
        pycnn.Model(x, y)


def two_outputs() -> pycnn.Model:
    x = pycnn.Input((4,))
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    return pycnn.Model(x, [kind, layers.Dense(1, name="size")(x)])


LOSSES = ["sparse_categorical_crossentropy", "mse"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"loss": {"kimd": "mse"}}, ValueError, "loss names 'kimd'.*did you mean 'kind'"),
        ({"loss": {"kind": LOSSES[0]}}, ValueError, "output 'size' has no loss"),
        ({"loss": [LOSSES[0], None]}, ValueError, "output 'size' has no loss"),
        ({"loss": LOSSES[:1]}, ValueError, r"one entry for each of the 2 outputs.*received 1"),
        ({"loss": LOSSES * 2}, ValueError, "received 4"),
        ({"metrics": {"sise": ["accuracy"]}}, ValueError, "metrics names 'sise'.*'size'"),
        ({"metrics": ["accuracy"]}, ValueError, "list of lists or a dict by output"),
        ({"metrics": [["accuracy"]]}, ValueError, "received 1"),
        ({"metrics": [["accuracy", "accuracy"], []]}, ValueError, "names of their own"),
        ({"loss_weights": {"sice": 1}}, ValueError, "loss_weights names 'sice'.*'size'"),
        ({"loss_weights": [1]}, ValueError, "received 1"),
        ({"loss_weights": 2}, TypeError, "loss_weights must be given as a list or a dict"),
        ({"loss_weights": [1, float("nan")]}, ValueError, "loss weight of 'size' must be finite"),
        ({"loss_weights": [1, "x"]}, TypeError, "loss weight of 'size' must be a number"),
        ({"loss": 3}, TypeError, "received 3"),
    ],
)
def test_compile(options: dict[str, Any], error: type, message: str) -> None:
    model = two_outputs()
    with pytest.raises(error, match=message):
        model.compile(**({"loss": LOSSES} | options))
    with pytest.raises(RuntimeError, match="call compile"):
        model.evaluate(np.zeros((2, 4)), [np.zeros(2), np.zeros(2)])


X = np.zeros((6, 4), np.float32)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([X[:, 0]], ValueError, r"expected 2 arrays in y \('kind', 'size'\); received 1"),
        ([X[:, 0]] * 3, ValueError, "received 3"),
        (X[:, 0], TypeError, "expected y as a list or dict of 2 arrays.*received ndarray"),
        (None, TypeError, "received NoneType"),
        ({"kind": X[:, 0]}, ValueError, "y has nothing for 'size'"),
        ({"kind": X[:, 0], "sice": X}, ValueError, "y names 'sice'.*did you mean 'size'"),
        ([X[:, 0], X[:3, 0]], ValueError, r"x and y\['size'\].*received 6 and 3"),
        ([X[:, 0] + 3, X[:, 0]], ValueError, r"\[Dense 'kind'\] y\['kind'\].*\[0, 3\)"),
        ([X[:, 0], X], ValueError, r"\[Dense 'size'\] expected y\['size'\] of shape \(None, 1\)"),
    ],
)
def test_targets(y: Any, error: type, message: str) -> None:
    model = two_outputs()
    model.compile(loss=LOSSES)
    before = model.get_weights()
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(error, match=message):
            call(X, y)
    for one, two in zip(before, model.get_weights(), strict=True):
        assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([X], ValueError, r"expected 2 arrays in x \('a', 'b'\); received 1"),
        (X, TypeError, "expected x as a list or dict of 2 arrays"),
        ({"a": X, "c": X}, ValueError, "x names 'c', which does not exist"),
        ([X, X], ValueError, r"\[Dense 'second'\] expected x\['b'\] of shape \(None, 2\)"),
        ([X, X[:3, :2]], ValueError, r"x\['a'\] and x\['b'\].*received 6 and 3"),
    ],
)
def test_inputs(x: Any, error: type, message: str) -> None:
    a, b = pycnn.Input((4,), name="a"), pycnn.Input((2,), name="b")
    y = layers.add([layers.Dense(1, name="first")(a), layers.Dense(1, name="second")(b)])
    with pytest.raises(error, match=message):
        pycnn.Model([a, b], y).predict(x, verbose=0)


def test_a_nested_model_on_other_shapes() -> None:
    inner = pycnn.Sequential([pycnn.Input((4,)), layers.Dense(2)], name="inner")
    with pytest.raises(ValueError, match=r"\[Sequential 'inner'\] expected 'input'.*\(None, 5\)"):
        inner(pycnn.Input((5,)))
    with pytest.raises(ValueError, match=r"\[Sequential 'inner'\] takes 1 inputs; received 2"):
        inner([pycnn.Input((4,)), pycnn.Input((4,))])


def test_a_shared_layer_on_other_shapes() -> None:
    x, y = pycnn.Input((4,)), pycnn.Input((5,))
    layer = layers.Dense(2, name="both")
    with pytest.raises(ValueError, match=r"\[Dense 'both'\].*different weights.*\(4, 2\).*\(5, 2"):
        pycnn.Model([x, y], layers.add([layer(x), layer(y)]))


def test_an_own_layer_called_twice() -> None:
    class Same(layers.Layer):
        def forward(self, x: np.ndarray) -> np.ndarray:
            return x

        def backward(self, dy: np.ndarray) -> np.ndarray:
            return dy

    x, layer = pycnn.Input((4,)), Same(name="own")
    with pytest.raises(ValueError, match=r"\[Same 'own'\] is called twice"):
        pycnn.Model(x, layer(layer(x)))


def test_a_sequential_takes_one_output() -> None:
    x = pycnn.Input((4,))
    forked = pycnn.Model(x, [layers.Dense(1)(x), layers.Dense(2)(x)], name="forked")
    with pytest.raises(ValueError, match=r"\[Model 'forked'\] has several outputs"):
        pycnn.Sequential([pycnn.Input((4,)), forked])


def test_sharing_in_the_core() -> None:
    graph = pycnn._core.Graph((4,))
    first = graph.dense(graph.input, units=4, name="first")
    graph.activation(first, kind="relu", name="act")
    graph.dense(first, units=4, name="second")
    for node, owner in ((0, 2), (2, 2), (3, 0), (2, -1)):
        with pytest.raises(ValueError, match="cannot share weights"):
            graph.share_parameters(node, owner)
    with pytest.raises(ValueError, match=r"\[Dense 'second'\] cannot share.*another kind"):
        graph.share_parameters(2, 1)
    graph.share_parameters(2, 0)
    assert [p.layer for p in graph.parameters] == ["first", "first"]
    assert [node.parameter_count for node in graph.nodes] == [20, 0, 0]
