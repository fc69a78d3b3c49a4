"""The CPU's two layouts, 16 images or 16 channels in a vector, are two ways to the same numbers."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from small_models import conv_model, dense_model, lenet5

import pycnn
from pycnn import _core, layers

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(autouse=True)
def lanes() -> Iterator[None]:
    before = _core.cpu_lanes()
    yield
    _core.set_cpu_lanes(before)


def compiled(model: pycnn.Model) -> pycnn.Model:
    model.compile(
        pycnn.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", ["accuracy"]
    )
    return model


def residual() -> pycnn.Model:
    """What ResNets are made of, with 20 and 24 channels: a whole vector and a rest."""
    x = pycnn.Input((28, 28, 1))
    y = layers.Rescaling(1 / 255)(x)
    y = layers.Conv2D(20, 3, strides=2, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU()(y)
    z = layers.Conv2D(20, 3, padding="same")(y)
    z = layers.BatchNormalization()(z)
    y = layers.Add()([y, z])
    y = layers.Concatenate()([y, layers.Conv2D(4, 1)(y)])
    y = layers.GlobalAveragePooling2D()(y)
    return compiled(pycnn.Model(x, layers.Dense(10, activation="softmax")(y)))


def flattened() -> pycnn.Model:
    """Dropout, local response normalization, and a flattening that closes up the vectors' rests."""
    return compiled(
        pycnn.Sequential(
            [
                pycnn.Input((28, 28, 1)),
                layers.Rescaling(1 / 255),
                layers.ZeroPadding2D(1),
                layers.Conv2D(6, 5, strides=2, activation="tanh"),
                layers.LocalResponseNormalization(),
                layers.MaxPooling2D(3, 2),
                layers.Flatten(),
                layers.Dropout(0.25),
                layers.Dense(33, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


def pooled() -> pycnn.Model:
    """Convolutions with pooling, whose backward passes skip zeros in either layout."""
    return compiled(
        pycnn.Sequential(
            [
                pycnn.Input((28, 28, 1)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(16, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(40, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


MODELS: dict[str, Callable[[], pycnn.Model]] = {
    "conv": conv_model,
    "pooled": pooled,
    "lenet5": lambda: compiled(lenet5()),
    "residual": residual,
    "flattened": flattened,
}


def trained(make: Callable[[], pycnn.Model], digits: Data, lanes: str, **fit: Any) -> Any:
    _core.set_cpu_lanes(lanes)
    pycnn.set_random_seed(5)
    model = make()
    options = {"batch_size": 48, "epochs": 2, "verbose": 0}
    history = model.fit(*digits, **(options | fit)).history
    return model, history["loss"], model.predict(digits[0], verbose=0)


@pytest.mark.parametrize("name", MODELS)
def test_both_train_alike(digits: Data, name: str) -> None:
    """320 images in batches of 48: the last has 32. Rounding alone is different."""
    by_images, losses, outputs = trained(MODELS[name], digits, "images")
    by_channels, other_losses, other_outputs = trained(MODELS[name], digits, "channels")
    np.testing.assert_allclose(losses, other_losses, rtol=2e-4)
    np.testing.assert_allclose(outputs, other_outputs, atol=2e-3)
    assert not np.array_equal(outputs, other_outputs)  # otherwise one layout was taken twice
    for one, other in zip(by_images.get_weights(), by_channels.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("name", MODELS)
def test_channels_give_the_same_bits_for_any_number_of_threads(
    digits: Data, name: str, threads: int
) -> None:
    def bits(threads: int) -> list[bytes]:
        pycnn.set_num_threads(threads)
        model, losses, outputs = trained(MODELS[name], digits, "channels")
        weights = [weight.tobytes() for weight in model.get_weights()]
        return [*weights, outputs.tobytes(), repr(losses).encode()]

    assert bits(threads) == bits(1)


@pytest.mark.parametrize("count", [1, 2, 7, 15, 16, 17, 320])
def test_any_number_of_images(digits: Data, count: int) -> None:
    """Large batches are cut into groups on the way; nobody notices."""
    x, y = digits[0][:count], digits[1][:count]
    model = residual()
    results = []
    for lanes in ("images", "channels"):
        _core.set_cpu_lanes(lanes)
        results.append((model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)))
    np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-6)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-5)


def test_one_image_is_what_it_is_among_others(digits: Data) -> None:
    _core.set_cpu_lanes("channels")
    model = MODELS["lenet5"]()
    among = model.predict(digits[0][:40], verbose=0)
    for i in (0, 7, 39):
        np.testing.assert_allclose(
            model.predict(digits[0][i : i + 1], verbose=0)[0], among[i], atol=1e-6
        )


def wide() -> pycnn.Model:
    return pycnn.Sequential(
        [
            pycnn.Input((12, 12, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(16),
        ]
    )


def test_the_layout_that_is_filled_better_is_taken() -> None:
    """LeNet-5 fills 67 % of its channels' lanes, as eleven images fill 69 % of theirs."""
    narrow = lenet5()._ready_network()
    assert [narrow.cpu_lanes(images) for images in (1, 11)] == ["channels"] * 2
    assert [narrow.cpu_lanes(images) for images in (12, 64)] == ["images"] * 2
    assert wide()._ready_network().cpu_lanes(64) == "channels"


def test_layers_of_images_alone_keep_to_them() -> None:
    class Twice(layers.Layer):  # in Python: wants the whole batch as one array
        def forward(self, x: np.ndarray, training: bool) -> np.ndarray:
            return 2 * x

        def backward(self, dy: np.ndarray) -> np.ndarray:
            return 2 * dy

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    x = np.random.default_rng(2).random((3, 8, 8, 4), np.float32)
    for layer in (layers.DepthwiseConv2D(3), layers.Conv2D(8, 3, groups=2), Twice()):
        model = pycnn.Sequential([pycnn.Input((8, 8, 4)), layer, layers.Flatten(), layers.Dense(5)])
        _core.set_cpu_lanes("images")
        expected = model.predict(x, verbose=0)
        _core.set_cpu_lanes("channels")
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_numbers_that_are_not_finite_are_found(digits: Data) -> None:
    _core.set_cpu_lanes("channels")
    model = MODELS["lenet5"]()
    weights = model.get_weights()
    weights[2][0, 0, 0, 0] = np.inf
    model.set_weights(weights)
    with pytest.raises(FloatingPointError, match="conv2d_1"):
        model.fit(*digits, epochs=1, verbose=0)


def test_bad_values_of_one_image_stay_with_it(digits: Data) -> None:
    _core.set_cpu_lanes("channels")
    x = digits[0][:5].astype(np.float32)
    model = MODELS["lenet5"]()
    expected = model.predict(x, verbose=0)
    x[2] = np.nan
    outputs = model.predict(x, verbose=0)
    assert np.isnan(outputs[2]).all()
    np.testing.assert_array_equal(np.delete(outputs, 2, 0), np.delete(expected, 2, 0))


def test_weights_shared_by_two_layers(blobs: Data) -> None:
    """Gradients of the second use are added to those of the first."""

    def make() -> pycnn.Model:
        shared = layers.Dense(4, activation="tanh")
        x = pycnn.Input((4,))
        y = layers.Dense(4, activation="softmax")(shared(shared(x)))
        return compiled(pycnn.Model(x, y))

    _, losses, _ = trained(make, blobs, "images")
    _, other_losses, _ = trained(make, blobs, "channels")
    assert losses[-1] != losses[0]
    np.testing.assert_allclose(losses, other_losses, rtol=1e-4)


def test_dense_models(blobs: Data) -> None:
    _, losses, _ = trained(dense_model, blobs, "images", batch_size=13)
    _, other_losses, _ = trained(dense_model, blobs, "channels", batch_size=13)
    np.testing.assert_allclose(losses, other_losses, rtol=1e-5)


def test_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="auto, images or channels; got 'rows'"):
        _core.set_cpu_lanes("rows")


# ---- what threads and kernels leave for the next step


@pytest.mark.parametrize("layout", ["images", "channels"])
@pytest.mark.parametrize("images", [11, 33])
def test_a_gradient_is_looked_at_when_all_threads_have_written(layout: str, images: int) -> None:
    """A thread with little to do in the last instruction must wait for the others."""
    _core.set_cpu_lanes(layout)
    pycnn.set_num_threads(8)
    model = pycnn.Sequential(
        [layers.Dense(512, input_shape=(64,), use_bias=False), layers.Dense(64)]
    )
    model.compile(pycnn.optimizers.SGD(1e-30), "mean_squared_error")
    weights = model.get_weights()
    weights[0][:] = 0
    good = np.ones((images, 64), np.float32)
    bad = good.copy()
    bad[:, -1] = 3e38  # the loss is finite, the first layer's gradient is not
    y = np.full((images, 64), 1e10, np.float32)
    for _ in range(100):
        model.set_weights(weights)
        model.train_on_batch(good, y)
        with pytest.raises(FloatingPointError, match="gradient of the weights 'kernel'"):
            model.train_on_batch(bad, y)
        assert np.isfinite(model.get_weights()[0]).all()


def test_a_refused_step_leaves_nothing_to_the_next() -> None:
    """The first layer's gradients are written after the blocks were looked at."""
    model = pycnn.Sequential(
        [layers.BatchNormalization(input_shape=(8,)), layers.Dense(1, use_bias=False)]
    )
    model.compile(pycnn.optimizers.SGD(1e-3), "mean_squared_error")
    x = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    y = np.zeros((32, 1), np.float32)
    good = model.get_weights()
    bad = [weight.copy() for weight in good]
    bad[-1] *= 1e20
    for lanes in ("images", "channels"):
        _core.set_cpu_lanes(lanes)
        model.set_weights(bad)
        with pytest.raises(FloatingPointError):
            model.train_on_batch(x, y)
        model.set_weights(good)
        assert np.isfinite(model.train_on_batch(x, y))


def test_memory_follows_the_kernels_and_the_threads() -> None:
    """Wider vectors want more of it, on threads that came in between as well."""
    _core.set_cpu_lanes("channels")
    model = pycnn.Sequential(
        [
            layers.Conv2D(1, 1, input_shape=(40, 40, 1)),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )
    model.compile("sgd", "mean_squared_error")
    random = np.random.default_rng(1)
    x = random.random((32, 40, 40, 1), np.float32)
    y = random.random((32, 10), np.float32)
    isa, before = _core.available_cpu_isas()[-1], _core.cpu_isa()
    try:
        for kernels, threads in ((isa, 1), ("generic", 3), (isa, 3)):
            _core.set_cpu_isa(kernels)
            pycnn.set_num_threads(threads)
            assert np.isfinite(model.train_on_batch(x, y))
    finally:
        _core.set_cpu_isa(before)
