"""Small nets on the GPU: three kernels a step, and the numbers of the plan and of the CPU."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pycnn
from pycnn import _core, layers, models, optimizers, regularizers

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not _core.cuda_is_available(), reason="there is no GPU"),
]

KERNELS = 3  # of a step: images, gradient, update
Builder = Callable[[], Any]


class Trained(NamedTuple):
    losses: list[float]
    accuracies: list[float]
    weights: list[np.ndarray]
    report: str
    launches: int


@pytest.fixture(autouse=True)
def default_device() -> Iterator[None]:
    before = _core.default_device()
    yield
    _core.set_default_device(before)


def sequential(net: Callable[[], list[Any]]) -> Builder:
    """New layers each time: models would share the weights of the old ones."""
    return lambda: pycnn.Sequential(net())


def conv(*args: Any, **options: Any) -> layers.Layer:
    return layers.Conv2D(*args, **({"activation": "relu"} | options))


def ending(classes: int = 4, *hidden: int) -> list[layers.Layer]:
    dense = [layers.Dense(units, activation="relu") for units in hidden]
    return [layers.Flatten(), *dense, layers.Dense(classes, activation="softmax")]


NETS: dict[str, tuple[tuple[int, ...], Builder]] = {
    "lenet5": ((28, 28, 1), models.lenet5),
    "lenet5 of 32x32": ((32, 32, 1), lambda: models.lenet5((32, 32, 1))),
    "lenet5 of 26 letters": ((28, 28, 1), lambda: models.lenet5(classes=26)),
    "x and o": (
        (9, 9, 1),
        sequential(
            lambda: [
                pycnn.Input((9, 9, 1)),
                conv(3, 3),
                conv(3, 3, padding="same"),
                layers.MaxPooling2D(2),
                *ending(2),
            ]
        ),
    ),
    "no pooling, no ReLU, no bias": (
        (7, 9, 3),
        sequential(
            lambda: [
                pycnn.Input((7, 9, 3)),
                conv(5, 3, activation=None, use_bias=False),
                *ending(4, 6),
            ]
        ),
    ),
    "odd sizes": (
        (11, 13, 2),
        sequential(
            lambda: [
                pycnn.Input((11, 13, 2)),
                conv(9, 3, activation=None),
                layers.MaxPooling2D(2),
                conv(7, 2),
                layers.MaxPooling2D(2),
                *ending(5),
            ]
        ),
    ),
    "strides and odd kernels": (
        (13, 12, 2),
        sequential(
            lambda: [
                pycnn.Input((13, 12, 2)),
                conv(6, (2, 4), strides=2, padding="same"),
                conv(10, (5, 1), strides=(1, 2), padding="same"),
                conv(4, (3, 3), strides=(2, 1), padding="same"),
                *ending(3, 11),
            ]
        ),
    ),
    "three wide, pooled": (
        (16, 14, 3),
        sequential(
            lambda: [
                pycnn.Input((16, 14, 3)),
                conv(4, 3, padding="same"),
                layers.MaxPooling2D(2),
                conv(6, 3, padding="same"),
                layers.MaxPooling2D(2),
                conv(5, 3, padding=2),
                layers.MaxPooling2D(2),
                *ending(4),
            ]
        ),
    ),
    "five wide, not pooled": (
        (10, 10, 1),
        sequential(
            lambda: [pycnn.Input((10, 10, 1)), conv(8, 5), conv(12, 3, padding="same"), *ending(10)]
        ),
    ),
    "more padding": (
        (6, 6, 1),
        sequential(
            lambda: [
                pycnn.Input((6, 6, 1)),
                layers.Rescaling(1 / 127.5, offset=-1.0),
                conv(4, 3),
                conv(4, 2, padding=3),
                layers.MaxPooling2D(2),
                *ending(4),
            ]
        ),
    ),
    "dense layers": (
        (6, 5),
        sequential(lambda: [pycnn.Input((6, 5)), layers.Rescaling(1 / 255), *ending(10, 33, 8)]),
    ),
}


def data(shape: tuple[int, ...], classes: int, count: int, pixels: bool = False) -> Any:
    random = np.random.default_rng(11)
    y = random.integers(0, classes, size=count)
    x = random.integers(0, 256, size=(count, *shape)).astype(np.uint8)
    return (x if pixels else (x / 255).astype(np.float32)), y


def train(
    build: Builder,
    x: np.ndarray,
    y: np.ndarray,
    *,
    device: str = "cuda",
    batch_size: int = 64,
    epochs: int = 2,
    optimizer: Callable[[], Any] = lambda: optimizers.SGD(0.02, momentum=0.9),
) -> Trained:
    _core.set_default_device(device)
    pycnn.set_random_seed(5)
    model = build()
    model.compile(optimizer(), "sparse_categorical_crossentropy", ["accuracy"])
    before = _core.cuda_launches()
    history = model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0).history
    launches = _core.cuda_launches() - before
    return Trained(
        history["loss"], history["accuracy"], model.get_weights(), model.plan_report(), launches
    )


def is_small(trained: Trained) -> bool:
    return "small net" in trained.report


def assert_close(got: Trained, wanted: Trained) -> None:
    np.testing.assert_allclose(got.losses, wanted.losses, rtol=2e-6)
    assert got.accuracies == wanted.accuracies
    for a, b in zip(got.weights, wanted.weights, strict=True):
        # A sum's error is relative to the sum of its terms' magnitudes: the array's scale stands
        # for that.
        np.testing.assert_allclose(a, b, rtol=0, atol=4e-6 * max(np.abs(b).max(), 0.1))


def assert_equal(got: Trained, wanted: Trained) -> None:
    assert got.losses == wanted.losses
    for a, b in zip(got.weights, wanted.weights, strict=True):
        np.testing.assert_array_equal(a, b)


# Pixels as they come are too big for a net that does not scale them.
SCALED = [name for name in NETS if "lenet5" in name or name in ("more padding", "dense layers")]


@pytest.mark.parametrize(
    ("name", "pixels"),
    [(name, False) for name in NETS] + [(name, True) for name in SCALED],
    ids=[f"{name}, float32" for name in NETS] + [f"{name}, uint8" for name in SCALED],
)
def test_numbers_of_the_plan_and_the_cpu(
    name: str, pixels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape, build = NETS[name]
    x, y = data(shape, build().output_shape[-1], 40, pixels)
    small = train(build, x, y, batch_size=16)  # 16, 16 and 8 images
    assert is_small(small)
    assert_close(small, train(build, x, y, batch_size=16, device="cpu"))
    monkeypatch.setenv("PYCNN_CUDA_SMALL_NET", "0")
    plan = train(build, x, y, batch_size=16)
    assert not is_small(plan)
    assert_close(small, plan)


@pytest.mark.parametrize("batch_size", [1, 3, 64, 67])  # up to 64 two blocks for an image
def test_batches_of_lenet5(batch_size: int) -> None:
    shape, build = NETS["lenet5"]
    x, y = data(shape, 10, min(2 * batch_size + 1, 80), pixels=True)
    small = train(build, x, y, batch_size=batch_size, epochs=1)
    assert_close(small, train(build, x, y, batch_size=batch_size, epochs=1, device="cpu"))


@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        ("odd sizes", 129),
        ("odd sizes", 257),
        ("odd sizes", 385),
        ("dense layers", 129),
        ("dense layers", 385),
        ("lenet5", 257),
        ("lenet5", 385),  # no room for copies of the weights, nor to go back with all 4 at once
    ],
)
def test_several_images_in_a_block(name: str, batch_size: int) -> None:
    """Big batches: a block takes 2, 3 or 4 images, the last one fewer."""
    shape, build = NETS[name]
    x, y = data(shape, build().output_shape[-1], batch_size + 2)
    small = train(build, x, y, batch_size=batch_size, epochs=1)
    assert_close(small, train(build, x, y, batch_size=batch_size, epochs=1, device="cpu"))


@pytest.mark.parametrize(
    ("optimizer", "kernels"),
    [
        (lambda: optimizers.SGD(0.05), KERNELS),
        (lambda: optimizers.SGD(0.02, momentum=0.9, nesterov=True), KERNELS),
        (lambda: optimizers.Adam(0.001, amsgrad=True), KERNELS),
        (lambda: optimizers.RMSprop(0.001, momentum=0.5, centered=True), KERNELS),
        (lambda: optimizers.SGD(0.05, global_clipnorm=0.1), None),
        (lambda: optimizers.SGD(0.05, clipvalue=0.01), None),
    ],
)
def test_optimizers_and_kernels_of_a_step(
    optimizer: Builder, kernels: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYCNN_CUDA_GRAPH", "0")  # every launch is counted
    shape, build = NETS["lenet5"]
    x, y = data(shape, 10, 20, pixels=True)
    small = train(build, x, y, batch_size=8, optimizer=optimizer)
    steps = 6
    if kernels is not None:
        assert small.launches == steps * kernels
    else:  # two of a small net, and the general way from the gradient on
        assert small.launches > steps * KERNELS
    cpu = train(build, x, y, batch_size=8, optimizer=optimizer, device="cpu")
    np.testing.assert_allclose(small.losses, cpu.losses, rtol=1e-4)


def test_penalties() -> None:
    def build() -> pycnn.Sequential:
        net = [
            pycnn.Input((9, 9, 1)),
            conv(3, 3, kernel_regularizer=regularizers.L2(0.1)),
            layers.MaxPooling2D(2),
            *ending(3),
        ]
        return pycnn.Sequential(net)

    x, y = data((9, 9, 1), 3, 20)
    small = train(build, x, y, batch_size=8)
    assert is_small(small)
    assert_close(small, train(build, x, y, batch_size=8, device="cpu"))


def test_the_same_bits_again_and_without_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    shape, build = NETS["lenet5"]
    x, y = data(shape, 10, 40, pixels=True)
    first = train(build, x, y, batch_size=8)
    assert_equal(train(build, x, y, batch_size=8), first)
    monkeypatch.setenv("PYCNN_CUDA_GRAPH", "0")
    assert_equal(train(build, x, y, batch_size=8), first)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_step_that_fails_changes_nothing(wrong: float) -> None:
    _core.set_default_device("cuda")
    shape, build = NETS["odd sizes"]
    x, y = data(shape, 5, 6)
    model = build()
    model.compile(optimizers.Adam(), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=6, epochs=1, verbose=0)
    before = model.get_weights()
    bad = x.copy()
    bad[4, 5, 5, 1] = wrong
    with pytest.raises(FloatingPointError, match="loss is nan"):
        model.fit(bad, y, batch_size=6, epochs=1, verbose=0)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(x, y, batch_size=6, epochs=1, verbose=0)  # it goes on
    assert any((a != b).any() for a, b in zip(model.get_weights(), before, strict=True))


def test_a_gradient_that_is_not_finite_fails_the_step() -> None:
    """The loss is finite, a product of two finite numbers in the gradient is not."""
    _core.set_default_device("cuda")
    model = sequential(lambda: [pycnn.Input((2, 2, 1)), *ending(2)])()
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy", loss_weights=[1e10])
    before = model.get_weights()
    x = np.full((4, 2, 2, 1), 3e38, dtype=np.float32)
    model.set_weights([w * 0 for w in before])
    with pytest.raises(FloatingPointError, match="gradient"):
        model.fit(x, np.array([0, 0, 0, 1]), batch_size=4, epochs=1, verbose=0)
    for w in model.get_weights():
        np.testing.assert_array_equal(w, 0)


def _shared() -> pycnn.Model:
    inputs = pycnn.Input((8, 8, 2))
    layer = conv(2, 3, padding="same")
    x = layers.Flatten()(layer(layer(inputs)))
    return pycnn.Model(inputs, layers.Dense(4, activation="softmax")(x))


OTHERS: dict[str, Builder] = {
    "tanh": sequential(lambda: [pycnn.Input((8, 8, 2)), conv(4, 3, activation="tanh"), *ending()]),
    "average pooling": sequential(
        lambda: [pycnn.Input((8, 8, 2)), conv(4, 3), layers.AveragePooling2D(2), *ending()]
    ),
    "pooling that is cut": sequential(
        lambda: [
            pycnn.Input((7, 7, 2)),
            conv(4, 3),
            layers.MaxPooling2D(2, padding="same"),
            *ending(),
        ]
    ),
    "dropout": sequential(
        lambda: [
            pycnn.Input((8, 8, 2)),
            conv(4, 3),
            layers.Flatten(),
            layers.Dropout(0.5),
            *ending()[1:],
        ]
    ),
    "groups": sequential(lambda: [pycnn.Input((8, 8, 2)), conv(4, 3, groups=2), *ending()]),
    "dilation": sequential(
        lambda: [pycnn.Input((8, 8, 2)), conv(4, 3, dilation_rate=2), *ending()]
    ),
    "shared weights": _shared,
    "too many weights": sequential(lambda: [pycnn.Input((8, 8, 2)), *ending(4, 4096)]),
    "too big an image": sequential(lambda: [pycnn.Input((200, 200, 2)), conv(2, 3), *ending()]),
    "too many layers": sequential(
        lambda: [pycnn.Input((8, 8, 2)), *[conv(2, 1) for _ in range(5)], *ending()]
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_nets_take_the_plan(name: str) -> None:
    _core.set_default_device("cuda")
    model = OTHERS[name]()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert "small net" not in model.plan_report()


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mean_squared_error"])
def test_other_losses_take_the_plan(loss: str) -> None:
    _core.set_default_device("cuda")
    model = models.lenet5()
    model.compile("sgd", loss)
    assert "small net" not in model.plan_report()


@pytest.mark.parametrize("switch", ["PYCNN_CUDA_SMALL_NET", "PYCNN_FUSE"])
def test_switches(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _core.set_default_device("cuda")
    monkeypatch.setenv(switch, "0")
    model = models.lenet5()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert "small net" not in model.plan_report()


ORDER_SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import test_cuda_small_net as t
for name in ("lenet5", "strides and odd kernels"):
    shape, build = t.NETS[name]
    x, y = t.data(shape, build().output_shape[-1], 7)
    trained = t.train(build, x, y, batch_size=4, epochs=1)
    print(hashlib.sha256(b"".join(w.tobytes() for w in trained.weights)).hexdigest())
"""


@pytest.mark.skipif(not _core.cuda_is_emulated(), reason="a GPU orders its threads itself")
def test_order_of_the_threads_makes_no_difference() -> None:
    """A barrier that is missing shows where threads run the other way round."""

    def digest(order: str) -> str:
        environment = os.environ | {"PYCNN_EMULATOR_ORDER": order}
        command = [sys.executable, "-P", "-c", ORDER_SCRIPT, str(Path(__file__).parent)]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout

    forward = digest("forward")
    assert len(forward.split()) == 2
    assert digest("reverse") == forward
    assert digest("random") == forward
