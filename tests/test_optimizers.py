"""Optimizers in a network: against float64 over many steps, clipped, penalized, on any threads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal
from small_models import conv_layers, dense_model

import pycnn
from pycnn import _core, layers, optimizers, regularizers

Data = tuple[np.ndarray, np.ndarray]
Arrays = list[np.ndarray]
# Of kernel and bias: a rule that takes one step and keeps its state.
Rule = Callable[[np.ndarray, np.ndarray, Any, int], tuple[np.ndarray, Any]]

RATE = 0.02
RULES: dict[str, tuple[type[optimizers.Optimizer], dict[str, Any], Rule]] = {
    "sgd": (
        optimizers.SGD,
        {"momentum": 0.9, "nesterov": True},
        lambda w, g, s, t: reference.sgd(w, g, s, RATE, 0.9, True),
    ),
    "plain": (optimizers.SGD, {}, lambda w, g, s, t: reference.sgd(w, g, s, RATE)),
    "adam": (optimizers.Adam, {}, lambda w, g, s, t: reference.adam(w, g, s, t, RATE)),
    "amsgrad": (
        optimizers.Adam,
        {"amsgrad": True},
        lambda w, g, s, t: reference.adam(w, g, s, t, RATE, amsgrad=True),
    ),
    "adamw": (
        optimizers.AdamW,
        {"weight_decay": 0.1},
        lambda w, g, s, t: reference.adam(w, g, s, t, RATE, weight_decay=0.1),
    ),
    "rmsprop": (optimizers.RMSprop, {}, lambda w, g, s, t: reference.rmsprop(w, g, s, RATE)),
    "centered": (
        optimizers.RMSprop,
        # A gradient that hardly changes has no variance: epsilon keeps rounding out of the steps.
        {"centered": True, "momentum": 0.5, "epsilon": 0.01},
        lambda w, g, s, t: reference.rmsprop(w, g, s, RATE, 0.9, 0.5, 0.01, True),
    ),
}
CLIPPINGS: list[dict[str, float]] = [
    {},
    {"clipnorm": 0.3},
    {"global_clipnorm": 0.4},
    {"clipvalue": 0.05},
]


def clipped(gradients: Arrays, kind: str = "", limit: float = 0.0) -> Arrays:
    if kind == "clipvalue":
        return [np.clip(g, -limit, limit) for g in gradients]
    norms = [np.linalg.norm(g) for g in gradients]
    if kind == "global_clipnorm":
        norms = [np.linalg.norm(norms)] * len(gradients)
    if not kind:
        return gradients
    return [g * limit / max(n, limit) for g, n in zip(gradients, norms, strict=True)]


def regression(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """40 images: three blocks, the last one short."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 6)).astype(np.float32)
    return x, (x @ rng.normal(size=(6, 3)) + 1).astype(np.float32)


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=lambda c: next(iter(c), "unclipped"))
@pytest.mark.parametrize("name", RULES)
def test_sixty_steps_are_those_of_the_reference(name: str, clipping: dict[str, float]) -> None:
    cls, options, rule = RULES[name]
    model = pycnn.Sequential(
        [layers.Dense(3, kernel_regularizer=regularizers.L1L2(0.01, 0.02), input_shape=(6,))]
    )
    model.compile(cls(RATE, **options, **clipping), "mse")
    x, y = regression()
    weights = [w.astype(np.float64) for w in model.get_weights()]
    states: list[Any] = [None, None]
    acted = 0
    for step in range(1, 61):
        kernel, bias = weights
        error = x @ kernel + bias - y
        loss = np.mean(error**2) + 0.01 * np.abs(kernel).sum() + 0.02 * (kernel**2).sum()
        dy = 2 * error / error.size
        gradients = [x.T @ dy + 0.01 * np.sign(kernel) + 2 * 0.02 * kernel, dy.sum(axis=0)]
        limited = clipped(gradients, *next(iter(clipping.items()), ()))
        acted += any((a != b).any() for a, b in zip(gradients, limited, strict=True))
        assert model.train_on_batch(x, y) == pytest.approx(loss, rel=1e-4)
        for i in range(2):
            weights[i], states[i] = rule(weights[i], limited[i], states[i], step)
    assert (acted > 5) == bool(clipping)
    for ours, theirs in zip(model.get_weights(), weights, strict=True):
        assert_allclose(ours, theirs, atol=2e-4)


def trained(digits: Data, name: str, threads: int, **clipping: float) -> tuple[list[bytes], str]:
    pycnn.set_num_threads(threads)
    pycnn.set_random_seed(11)
    model = pycnn.Sequential(conv_layers()[:-1])
    # 72 * 120 weights: pieces of one array on several threads
    model.add(layers.Dense(120, activation="relu", kernel_regularizer="l2"))
    model.add(layers.Dense(10, activation="softmax", kernel_regularizer="l1"))
    cls, options, _ = RULES[name]
    model.compile(cls(0.002, **options, **clipping), "sparse_categorical_crossentropy")
    history = model.fit(*digits, batch_size=100, epochs=2, verbose=0).history
    loss = model.evaluate(*digits, verbose=0)
    return [weight.tobytes() for weight in model.get_weights()], repr((history, loss))


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=lambda c: next(iter(c), "unclipped"))
@pytest.mark.parametrize("name", RULES)
def test_any_number_of_threads_gives_the_same_bits(
    digits: Data, name: str, clipping: dict[str, float]
) -> None:
    one = trained(digits, name, 1, **clipping)
    for threads in (2, 3, 8):
        assert trained(digits, name, threads, **clipping) == one


@pytest.mark.parametrize("clipping", [{}, {"global_clipnorm": 0.5}])
@pytest.mark.parametrize("name", RULES)
def test_a_loss_that_is_not_finite_leaves_weights_and_state(
    name: str, clipping: dict[str, float]
) -> None:
    x, y = regression()
    bad = y.copy()
    bad[7, 1] = np.nan
    results = []
    for disturbed in (False, True):
        pycnn.set_random_seed(5)
        cls, options, _ = RULES[name]
        model = pycnn.Sequential([layers.Dense(3, kernel_regularizer="l2", input_shape=(6,))])
        model.compile(cls(RATE, **options, **clipping), "mse")
        for step in range(6):
            if disturbed and step in (0, 3):
                before = model.get_weights()
                with pytest.raises(FloatingPointError, match="targets are not finite"):
                    model.train_on_batch(x, bad)
                assert_array_equal(model.get_weights()[0], before[0])
            model.train_on_batch(x, y)
        results.append(model.get_weights())
    for one, other in zip(*results, strict=True):
        assert_array_equal(one, other)


def test_compile_forgets_state_and_steps() -> None:
    x, y = regression()
    model = pycnn.Sequential([layers.Dense(3, input_shape=(6,))])
    start = None
    results = []
    for _ in range(2):
        model.compile("adam", "mse")
        if start is None:
            start = model.get_weights()
        model.set_weights(start)
        for _ in range(5):
            model.train_on_batch(x, y)
        results.append(model.get_weights()[0])
    assert_array_equal(results[0], results[1])


def test_huge_gradients_are_scaled_not_lost() -> None:
    """Their squares overflow float32; the norm must not."""
    model = pycnn.Sequential([layers.Dense(1, use_bias=False, input_shape=(2,))])
    model.compile(optimizers.SGD(1.0, clipnorm=5.0), "mse")
    model.set_weights([np.zeros((2, 1))])
    x = np.array([[3e12, 4e12]], np.float32)
    y = np.array([[-1e16]], np.float32)  # the loss is 1e32, the gradient 6e28 and 8e28
    model.train_on_batch(x, y)
    assert_allclose(model.get_weights()[0], [[-3.0], [-4.0]], rtol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "AdamW", "rmsprop", "RMSprop"])
def test_names(name: str, blobs: Data) -> None:
    model = dense_model(optimizer=name)
    assert type(model.optimizer).__name__.lower() == name.lower()
    assert type(optimizers.get(name)) is type(model.optimizer)
    model.fit(*blobs, verbose=0)


def test_the_defaults_are_those_of_keras() -> None:
    none = {"clipnorm": None, "global_clipnorm": None, "clipvalue": None}
    adam = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    assert optimizers.Adam().get_config() == adam | none | {"amsgrad": False, "weight_decay": 0.0}
    assert optimizers.AdamW().get_config() == adam | none | {
        "amsgrad": False,
        "weight_decay": 0.004,
    }
    assert optimizers.RMSprop().get_config() == none | {
        "learning_rate": 0.001,
        "rho": 0.9,
        "momentum": 0.0,
        "epsilon": 1e-7,
        "centered": False,
        "weight_decay": 0.0,
    }


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.Adam(0.1, 0.8, 0.95, 1e-5, True, 0.5, clipnorm=2.0),
        optimizers.AdamW(
            optimizers.schedules.CosineDecay(0.0, 100, 0.1, warmup_target=0.01, warmup_steps=10),
            0.02,
            global_clipnorm=1.5,
        ),
        optimizers.RMSprop(optimizers.schedules.WarmUp(0.1, 7), 0.7, 0.6, 0.01, True, 0.3),
        optimizers.SGD(0.1, 0.5, True, clipvalue=0.25),
    ],
    ids=lambda o: type(o).__name__,
)
def test_saved_with_the_model(optimizer: optimizers.Optimizer, blobs: Data, tmp_path: Path) -> None:
    model = dense_model(optimizer=optimizer)
    model.fit(*blobs, verbose=0)
    model.save(tmp_path / "m")
    loaded = pycnn.load_model(tmp_path / "m").optimizer
    assert type(loaded) is type(optimizer)
    assert loaded.get_config() == optimizer.get_config()
    assert loaded.learning_rate == optimizer.learning_rate
    assert loaded.iterations == optimizer.iterations == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.Adam(beta_1=1.0), r"^\[Adam\] beta_1 must be in \[0, 1\); got 1"),
        (lambda: optimizers.Adam(epsilon=0), r"^\[Adam\] epsilon"),
        (lambda: optimizers.AdamW(weight_decay=-0.1), r"^\[Adam\] weight_decay"),
        (lambda: optimizers.AdamW(-0.1), r"^\[AdamW\] learning_rate must not be negative"),
        (lambda: optimizers.RMSprop(rho=float("nan")), r"^\[RMSprop\] rho must be finite"),
        (lambda: optimizers.RMSprop(momentum=1), r"^\[RMSprop\] momentum"),
        (lambda: optimizers.SGD(clipnorm=0), r"^\[SGD\] clipnorm must be positive; received 0"),
        (lambda: optimizers.SGD(clipvalue=-1), r"^\[SGD\] clipvalue must be positive"),
        (lambda: optimizers.SGD(global_clipnorm=float("inf")), "global_clipnorm must be finite"),
        (
            lambda: optimizers.Adam(clipnorm=1, clipvalue=1),
            r"^\[Adam\] only one of .*received clipnorm and clipvalue",
        ),
        (lambda: optimizers.get("adma"), "unknown optimizer 'adma'; did you mean 'adam"),
    ],
)
def test_bad_options(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_options_that_are_no_numbers() -> None:
    with pytest.raises(TypeError, match=r"\[Adam\] beta_1 must be a number"):
        optimizers.Adam(beta_1="0.9")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\[SGD\] clipnorm must be a number"):
        optimizers.SGD(clipnorm="1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="optimizer must be a name"):
        optimizers.get(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [1e300, -1.0, float("nan"), float("inf")])
def test_a_rate_that_float32_cannot_hold_never_reaches_the_weights(
    blobs: Data, rate: float
) -> None:
    for make in (optimizers.SGD, optimizers.Adam, optimizers.RMSprop):
        with pytest.raises(ValueError, match="learning_rate"):
            make(rate)
    model = dense_model()
    model.compile(optimizers.SGD(lambda step: rate), "sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match="learning_rate"):
        model.fit(*blobs, verbose=0)
    with pytest.raises(ValueError, match="learning_rate"):
        model.train_on_batch(*blobs)
    with pytest.raises(ValueError, match="learning_rate"):
        model.optimizer.learning_rate = rate
    for old, new in zip(before, model.get_weights(), strict=True):
        assert_array_equal(new, old)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf"), 1e300])
def test_the_core_refuses_such_rates_itself(rate: float) -> None:
    graph = _core.Graph((2,))
    network = _core.Network(graph, [graph.dense(graph.input, units=2)], 0)
    network.compile(
        outputs=[_core.OutputOptions("mean_squared_error")], optimizer=_core.SGD(momentum=0.5)
    )
    data = [_core.Tensor(np.ones((4, 2), np.float32))]
    before = network.get_parameter(0).numpy()
    with pytest.raises(ValueError, match="learning_rate must be finite and not negative"):
        network.train_step(data, data, rate)
    trainer = _core.Trainer(network, data, data, batch_size=2)
    trainer.start_epoch()
    with np.errstate(over="ignore"):
        rates = np.array([0.1, rate]).astype(np.float32)
    with pytest.raises(ValueError, match="learning_rate must be finite and not negative"):
        trainer.run(rates, 1.0)
    assert trainer.progress.step == 0
    assert_array_equal(network.get_parameter(0).numpy(), before)
