"""Data on the GPU for training, evaluation and prediction, wherever the model is."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dlpack_by_hand import Interface, Producer
from numpy.testing import assert_array_equal
from small_models import dense_model

import pycnn
from pycnn import Tensor, _core, layers, ops

needs_gpu = pytest.mark.skipif(not _core.cuda_is_available(), reason="there is no GPU")
pytestmark = [pytest.mark.cuda, needs_gpu]

Data = tuple[np.ndarray, np.ndarray]


def on_gpu(array: np.ndarray) -> Tensor:
    return Tensor(np.ascontiguousarray(array)).to("cuda")


def by_dlpack(array: np.ndarray) -> Any:
    class Foreign:
        """Every request gets a capsule of its own."""

        tensor = on_gpu(array)

        def __dlpack__(self, **options: Any) -> Any:
            return self.tensor.__dlpack__(**options)

        def __dlpack_device__(self) -> tuple[int, int]:
            return self.tensor.__dlpack_device__()

    return Foreign()


WAYS = [on_gpu, by_dlpack, lambda array: Interface(on_gpu(array))]
WAY_NAMES = ["tensor", "dlpack", "interface"]
ways = pytest.mark.parametrize("way", WAYS, ids=WAY_NAMES)
devices = pytest.mark.parametrize("device", ["cpu", "cuda"])


def model_on(device: str, **options: Any) -> pycnn.Sequential:
    model = dense_model(**options)
    weights = np.random.default_rng(1)
    model.set_weights([weights.normal(size=w.shape) for w in model.get_weights()])
    model.to(device)
    return model


@ways
@devices
def test_training_is_the_same_bits_wherever_the_data_are(
    blobs: Data, device: str, way: Callable[[np.ndarray], Any]
) -> None:
    x, y = blobs
    results = []
    for place in (np.asarray, way):
        pycnn.set_random_seed(5)
        model = model_on(device)
        given = place(x), place(y)
        history = model.fit(
            *given, batch_size=20, epochs=2, validation_split=0.25, validation_data=None, verbose=0
        )
        loss = model.train_on_batch(place(x[:10]), place(y[:10]))
        measured = model.evaluate(*given, batch_size=40, verbose=0)
        results.append((history.history, loss, measured, model.predict(given[0], verbose=0)))
    here, there = results
    assert here[:3] == there[:3]
    assert isinstance(there[3], np.ndarray)
    assert_array_equal(here[3], there[3])


@devices
def test_targets_that_are_rows_may_be_on_the_gpu(blobs: Data, device: str) -> None:
    x, labels = blobs
    y = np.eye(4, dtype=np.float32)[labels]
    losses = []
    for place in (np.asarray, on_gpu):
        pycnn.set_random_seed(5)
        model = model_on(device, loss="categorical_crossentropy")
        model.fit(place(x), place(y), batch_size=20, epochs=2, verbose=0)
        losses.append(model.evaluate(place(x), place(y), verbose=0))
        losses.append(model.evaluate(x, place(y), batch_size=7, verbose=0))
        losses.append(model.evaluate(place(x), y, batch_size=7, verbose=0))
    assert losses[:3] == losses[3:]


class Batches(pycnn.callbacks.Callback):
    """Wants to be asked after every batch, which are then handed over one by one."""

    outputs: list[np.ndarray]

    def __init__(self) -> None:
        self.outputs = []

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        pass

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self.outputs.append(logs["outputs"])


@devices
def test_batch_by_batch(blobs: Data, device: str) -> None:
    x, y = blobs
    model = model_on(device)
    batches = Batches()
    given = on_gpu(x), on_gpu(y)
    assert model.evaluate(*given, batch_size=36, verbose=0, callbacks=[batches]) == pytest.approx(
        model.evaluate(x, y, batch_size=36, verbose=0), rel=1e-6
    )
    assert_array_equal(
        model.predict(given[0], batch_size=36, verbose=0, callbacks=[batches]),
        model.predict(x, verbose=0),
    )
    assert [len(part) for part in batches.outputs] == [36, 36, 24]


def test_a_model_takes_its_shapes_from_data_on_the_gpu() -> None:
    x = np.random.default_rng(0).integers(0, 255, (8, 6, 6), np.uint8)
    model = pycnn.Sequential(
        [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2)], device="cuda"
    )
    model.compile("sgd", "mean_squared_error")
    model.fit(on_gpu(x), on_gpu(np.zeros((8, 2), np.float32)), verbose=0)
    assert model.input_shape == (None, 6, 6)
    assert_array_equal(model.predict(on_gpu(x[..., None]), verbose=0), model.predict(x, verbose=0))


def test_several_inputs_in_several_places(blobs: Data) -> None:
    left, right = pycnn.Input((4,), name="left"), pycnn.Input((4,), name="right")
    model = pycnn.Model([left, right], layers.Dense(3)(layers.Add()([left, right])), device="cuda")
    x = blobs[0]
    expected = model.predict([x, x], verbose=0)
    for given in ([on_gpu(x), x], [x, on_gpu(x)], [on_gpu(x), on_gpu(x)]):
        assert_array_equal(model.predict(given, batch_size=25, verbose=0), expected)


# ---- in place


@pytest.mark.skipif(not _core.cuda_is_emulated(), reason="a real GPU's memory cannot be limited")
@pytest.mark.parametrize("labels_on_host", [False, True])
@pytest.mark.parametrize("way", [np.asarray, *WAYS], ids=["host", *WAY_NAMES])
def test_data_on_the_gpu_are_used_in_place(
    way: Callable[[np.ndarray], Any], labels_on_host: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is memory for the data (4 MiB), a model and its values (4.5 MiB), not for a copy."""
    images = np.zeros((16, 65536), np.float32)
    others = on_gpu(images) if way is np.asarray else None  # the same is in use in every case
    x = way(images)
    wide = pycnn.Sequential([pycnn.Input((65536,)), layers.Dense(1)], device="cuda")
    wide.compile("sgd", "mean_squared_error")

    def use() -> None:
        if labels_on_host:
            wide.evaluate(x, np.zeros((16, 1)), verbose=0)
        else:
            wide.predict(x, verbose=0)

    gc.collect()
    monkeypatch.setenv("PYCNN_EMULATOR_MEMORY", str(11 * 2**20))
    if others is None:
        use()
        return
    with pytest.raises(MemoryError, match="on the GPU"):
        use()


@pytest.mark.skipif(_core.cuda_is_emulated(), reason="PyTorch cannot use the emulator's memory")
def test_pytorch_data_are_used_in_place(blobs: Data) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    x, y = (torch.as_tensor(part, device="cuda") for part in blobs)
    losses = []
    for given in (blobs, (x, y)):
        pycnn.set_random_seed(5)
        losses.append(model_on("cuda").fit(*given, epochs=2, verbose=0).history)
    assert losses[0] == losses[1]
    model, tensor = model_on("cuda"), Tensor(x)
    for _ in range(20):
        x += 1  # queued on the default stream, and seen by what comes after
    expected = model.predict(x.cpu().numpy(), verbose=0)
    assert_array_equal(model.predict(tensor, verbose=0), expected)


# ---- bad data


@ways
@devices
@pytest.mark.parametrize("label", [-1, 4, 2**40])
def test_labels_on_the_gpu_are_checked(
    blobs: Data, device: str, label: int, way: Callable[[np.ndarray], Any]
) -> None:
    x, y = blobs[0], blobs[1].copy()
    y[7] = label
    model = model_on(device)
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=rf"labels in \[0, 4\); received {label} at index 7"):
            call(way(x), way(y))


@devices
def test_the_core_checks_labels_on_the_gpu_itself(blobs: Data, device: str) -> None:
    x, y = blobs[0], blobs[1].copy()
    y[7] = 4
    network = model_on(device)._ready_network()
    given = [on_gpu(x)], [on_gpu(y)]
    for call in (
        lambda: network.train_step(*given, 0.1),
        lambda: network.evaluate(*given, 32),
        lambda: _core.Trainer(network, *given, batch_size=8),
    ):
        with pytest.raises(ValueError, match="label 4 at index 7 is outside"):
            call()


@devices
def test_other_numbers_on_the_gpu(blobs: Data, device: str) -> None:
    x, y = blobs
    model = model_on(device)
    whole = np.arange(24).reshape(6, 4)
    assert_array_equal(model.predict(on_gpu(whole), verbose=0), model.predict(whole, verbose=0))
    by_bytes = model.evaluate(on_gpu(x), on_gpu(y.astype(np.uint8)[:, None]), verbose=0)
    assert by_bytes == model.evaluate(x, y, verbose=0)
    with pytest.raises(ValueError, match="float32 cannot hold"):
        model.predict(on_gpu(whole + 2**25))
    with pytest.raises(ValueError, match="x is empty"):
        model.predict(on_gpu(x[:0]))
    with pytest.raises(ValueError, match=r"expected x of shape \(None, 4\); received shape \(96,"):
        model.predict(on_gpu(x[:, :3]))
    with pytest.raises(ValueError, match="same number of images"):
        model.evaluate(on_gpu(x), on_gpu(y[:5]))


@devices
def test_arrays_that_cannot_be_tensors_are_refused(blobs: Data, device: str) -> None:
    model = model_on(device)
    there = on_gpu(blobs[0])
    with pytest.raises(TypeError, match="C-contiguous"):
        model.predict(Producer(there, strides=(1, 96)))
    with pytest.raises(TypeError, match="float64"):
        model.predict(Interface(there, typestr="<f8", shape=(48, 4)))
    with pytest.raises(ValueError, match="pycnn uses GPU 0"):
        model.predict(Producer(there, inner_device=(2, 1)))


@pytest.mark.parametrize("place", [np.asarray, on_gpu], ids=["host", "gpu"])
def test_a_loss_that_is_not_finite_is_explained(
    blobs: Data, place: Callable[[np.ndarray], Any]
) -> None:
    x = blobs[0].copy()
    x[3, 2] = np.nan
    model = model_on("cuda")
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match="the input data"):
        model.fit(place(x), place(blobs[1]), batch_size=96, verbose=0)
    with pytest.raises(FloatingPointError, match="the input data"):
        model.train_on_batch(place(x), place(blobs[1]))
    for now, then in zip(model.get_weights(), before, strict=True):
        assert_array_equal(now, then)


# ---- the core, and single calculations


@devices
def test_the_core_takes_tensors_of_both_devices(blobs: Data, device: str) -> None:
    x = blobs[0]
    network = model_on(device)._ready_network()
    dy = np.random.default_rng(2).normal(size=(96, 4)).astype(np.float32)
    results = []
    for place in (Tensor, on_gpu):
        dx, gradients = network.backward([place(x)], [place(dy)])
        results.append([t.numpy() for t in (*dx, *gradients, *network.predict([place(x)], 32))])
    for here, there in zip(*results, strict=True):
        assert_array_equal(here, there)
    value = on_gpu(np.full((4, 8), 2, np.float32))
    network.set_parameter(0, value)
    assert_array_equal(network.get_parameter(0).numpy(), value.to("cpu").numpy())
    with pytest.raises(TypeError, match="float32"):
        network.set_parameter(0, on_gpu(np.zeros((4, 8), np.uint8)))


def test_a_trainer_goes_on_where_its_network_moves(blobs: Data) -> None:
    x, y = blobs
    network = model_on("cuda")._ready_network()
    trainer = _core.Trainer(network, [on_gpu(x)], [on_gpu(y)], batch_size=16)
    trainer.start_epoch()
    rates = np.full(2, 0.1, np.float32)
    trainer.run(rates, 10.0)
    network.set_device("cpu")
    trainer.run(rates, 10.0)
    network.set_device("cuda")
    assert trainer.run(rates, 10.0).done


def test_shuffled_rows_are_picked_on_the_gpu() -> None:
    """Where a tensor of the host cannot be held beside others, batches are put together."""
    memory = np.random.default_rng(4).normal(size=(48, 4)).astype(np.float32)
    narrow = memory.reshape(-1)[:48].reshape(48, 1)  # begins where `memory` does
    results = []
    for place in (Tensor, on_gpu):
        pycnn.set_random_seed(5)
        a, b, c = (pycnn.Input((n,), name=name) for n, name in ((4, "a"), (1, "b"), (4, "c")))
        merged = layers.Concatenate()([a, b, c])
        model = pycnn.Model([a, b, c], layers.Dense(2)(merged), device="cuda")
        model.set_weights([np.full((9, 2), 0.1), np.zeros(2)])
        model.compile("sgd", "mean_squared_error")
        network = model._ready_network()
        y = Tensor(np.ones((48, 2), np.float32))
        x = [Tensor(memory), Tensor(narrow), place(memory[::-1].copy())]
        trainer = _core.Trainer(network, x, [y], batch_size=20)
        trainer.start_epoch()
        results.append(trainer.run(np.full(3, 0.01, np.float32), 10.0).loss)
    assert results[0] == results[1]


@devices
def test_single_calculations_take_arrays_of_the_gpu(device: str) -> None:
    before = _core.default_device()
    _core.set_default_device(device)
    try:
        x = np.random.default_rng(6).normal(size=(6, 4)).astype(np.float32)
        labels = np.arange(6) % 4
        assert_array_equal(ops.relu(by_dlpack(x)), ops.relu(x))
        here = _core.loss("mean_squared_error", Tensor(x), Tensor(x * 2))
        there = _core.loss("mean_squared_error", on_gpu(x), on_gpu(x * 2))
        assert here[0] == there[0]
        assert_array_equal(here[1].numpy(), there[1].numpy())
        with pytest.raises(ValueError, match="label 9 at index 0"):
            _core.loss("softmax_cross_entropy", on_gpu(x), on_gpu(labels + 9))
        rule, state = _core.SGD(), np.zeros((1, 6, 4), np.float32)
        new = [
            _core.update_parameter(rule, place(x), place(x), place(state), 0.5)[0].numpy()
            for place in (Tensor, on_gpu)
        ]
        assert_array_equal(*new)
        with pytest.raises(TypeError, match="must be float32"):
            _core.update_parameter(rule, on_gpu(labels), on_gpu(labels), on_gpu(labels[None]), 0.5)
    finally:
        _core.set_default_device(before)


def test_metrics_and_losses_take_arrays_of_the_gpu() -> None:
    y = np.array([0, 1, 2, 2])
    p = np.full((4, 3), 0.25, np.float32)
    loss = pycnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert loss(on_gpu(y), on_gpu(p)) == loss(y, p)
    assert_array_equal(
        pycnn.metrics.confusion_matrix(on_gpu(y), on_gpu(y), 3),
        pycnn.metrics.confusion_matrix(y, y, 3),
    )
