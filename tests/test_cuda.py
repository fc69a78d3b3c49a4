"""Training on a GPU, or on its emulator: the CPU's numbers, and the same bits every time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_models import SPARSE, TASKS, Task, classes, convolutions, dense, normalized, pictures
from numpy.testing import assert_allclose, assert_array_equal
from small_models import lenet5

import pycnn
from pycnn import _core, layers, optimizers, regularizers
from pycnn.optimizers import SGD, schedules

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not pycnn.cuda.is_available(), reason="there is no GPU"),
]

Make = Callable[[], Task]
EMULATED = _core.cuda_is_emulated()


@pytest.fixture(autouse=True)
def device_put_back() -> Iterator[None]:
    before = pycnn.device()
    yield
    pycnn.set_device(before)


def made(make: Make, device: str) -> Task:
    pycnn.set_random_seed(3)
    pycnn.set_device(device)
    task = make()
    assert task.model.device == device
    return task


def part(data: Any, start: int, stop: int) -> Any:
    """The same images of one array, a list or a dict."""
    if isinstance(data, dict):
        return {key: part(item, start, stop) for key, item in data.items()}
    if isinstance(data, list):
        return [part(item, start, stop) for item in data]
    return data[start:stop]


def step_losses(task: Task, steps: int, first: int = 0) -> list[float]:
    """Losses of single steps on 16, 16 and 12 images, over and over."""
    losses = []
    for step in range(first, first + steps):
        start = step % 3 * 16
        x, y = part(task.x, start, start + 16), part(task.y, start, start + 16)
        logs = task.model.train_on_batch(x, y, return_dict=True)
        assert isinstance(logs, dict)
        losses.append(logs["loss"])
    return losses


def flat_predictions(task: Task) -> list[np.ndarray]:
    found = task.model.predict(task.x, verbose=0)
    return list(found.values()) if isinstance(found, dict) else [found]


def fitted(make: Make, device: str = "cuda", **options: Any) -> tuple[list[bytes], str]:
    """Everything that a training leaves behind, to the bit."""
    task = made(make, device)
    history = task.model.fit(
        task.x, task.y, **{"batch_size": 16, "epochs": 3, "verbose": 0, **options}
    ).history
    arrays = [*task.model.get_weights(), *flat_predictions(task)]
    return [array.tobytes() for array in arrays], repr(history)


def assert_same_weights(one: pycnn.Model, other: pycnn.Model, atol: float = 0.0) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_allclose(a, b, rtol=0, atol=atol)


# ---- the CPU's numbers


@pytest.mark.parametrize("make", TASKS)
def test_losses_follow_the_cpu_s(make: Make) -> None:
    cpu, cuda = made(make, "cpu"), made(make, "cuda")
    assert_same_weights(cpu.model, cuda.model)  # at first: the same draws
    assert_allclose(step_losses(cuda, 9), step_losses(cpu, 9), rtol=1e-4)
    assert_same_weights(cuda.model, cpu.model, atol=1e-4)
    for a, b in zip(flat_predictions(cuda), flat_predictions(cpu), strict=True):
        assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("make", TASKS)
def test_fit_and_evaluate_report_what_the_cpu_s_do(make: Make) -> None:
    logs = []
    for device in ("cpu", "cuda"):
        task = made(make, device)
        history = task.model.fit(task.x, task.y, batch_size=16, epochs=2, verbose=0).history
        measured = task.model.evaluate(task.x, task.y, 10, verbose=0, return_dict=True)
        assert isinstance(measured, dict)
        logs.append({**history, **{f"test_{name}": value for name, value in measured.items()}})
    cpu, cuda = logs
    assert list(cuda) == list(cpu)
    for name in cpu:
        one_image = 1.01 / 44 if "accuracy" in name else 0  # may lie on the border of two classes
        assert_allclose(cuda[name], cpu[name], rtol=1e-4, atol=one_image, err_msg=name)


def test_lenet5_s_losses_are_the_cpu_s() -> None:
    steps, batch = (2, 8) if EMULATED else (100, 64)
    x, y = pycnn.datasets.synthetic_digits(steps * batch, seed=4)
    losses: dict[str, list[Any]] = {}
    for device in ("cpu", "cuda"):
        pycnn.set_random_seed(3)
        model = lenet5()
        model.to(device)
        model.compile(SGD(0.05, momentum=0.9), SPARSE)
        losses[device] = [
            model.train_on_batch(x[i : i + batch], y[i : i + batch])
            for i in range(0, len(x), batch)
        ]
    assert_allclose(losses["cuda"], losses["cpu"], rtol=1e-3)


RULES: dict[str, Callable[..., optimizers.Optimizer]] = {
    "sgd": lambda **o: SGD(0.05, **o),
    "nesterov": lambda **o: SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01, **o),
    "adam": lambda **o: optimizers.Adam(0.01, **o),
    "amsgrad": lambda **o: optimizers.Adam(0.01, amsgrad=True, **o),
    "adamw": lambda **o: optimizers.AdamW(0.01, weight_decay=0.1, **o),
    "rmsprop": lambda **o: optimizers.RMSprop(0.01, epsilon=1e-3, **o),
    "centered": lambda **o: optimizers.RMSprop(
        0.01, centered=True, momentum=0.5, epsilon=1e-2, **o
    ),
}
CLIPPINGS: list[dict[str, float]] = [
    {},
    {"clipnorm": 0.3},
    {"global_clipnorm": 0.4},
    {"clipvalue": 0.05},
]


def penalized(optimizer: optimizers.Optimizer) -> Task:
    model = pycnn.Sequential(
        [
            layers.Dense(
                6,
                activation="tanh",
                kernel_regularizer=regularizers.L1L2(0.01, 0.02),
                input_shape=(5,),
            ),
            layers.Dense(3, kernel_regularizer="l2"),
        ]
    )
    model.compile(optimizer, "mse")
    return Task(model, pictures(44, 5), pictures(44, 3))


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=lambda c: next(iter(c), "unclipped"))
@pytest.mark.parametrize("name", RULES)
def test_optimizers_with_penalties(name: str, clipping: dict[str, float]) -> None:
    cpu, cuda = (
        made(lambda: penalized(RULES[name](**clipping)), device) for device in ("cpu", "cuda")
    )
    assert_allclose(step_losses(cuda, 12), step_losses(cpu, 12), rtol=1e-4)
    assert_same_weights(cuda.model, cpu.model, atol=1e-4)


def test_a_schedule_gives_each_step_its_rate() -> None:
    def scheduled() -> Task:
        return penalized(optimizers.Adam(schedules.CosineDecay(0.02, 30, warmup_steps=0)))

    results = []
    for device in ("cpu", "cuda"):
        task = made(scheduled, device)
        task.model.fit(task.x, task.y, batch_size=5, epochs=3, verbose=0)
        results.append(task.model)
    assert results[1].optimizer.iterations == 27
    assert_same_weights(*results, atol=1e-4)


def test_dropout_takes_the_same_numbers_out() -> None:
    found = []
    for device in ("cpu", "cuda"):
        graph = _core.Graph((37,))
        value = graph.dropout(graph.input, rate=0.5, name="drop")
        net = _core.Network(graph, [value], 12, device)
        x = _core.Tensor(np.ones((50, 37), np.float32))
        found.append(net.predict([x], 50, training=True)[0].numpy())
    assert_array_equal(*found)
    assert 0.4 < (found[0] == 0).mean() < 0.6


def test_moving_statistics_move() -> None:
    cpu, cuda = made(normalized, "cpu"), made(normalized, "cuda")
    start = cuda.model.get_weights()
    for task in (cpu, cuda):
        task.model.fit(task.x, task.y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for before, one, other in zip(
        start[3:5], cuda.model.get_weights()[3:5], cpu.model.get_weights()[3:5], strict=True
    ):
        assert np.abs(one - before).max() > 0.01
        assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 44, 100])
def test_any_batch_size_predicts_the_same(batch_size: int) -> None:
    cpu, cuda = made(convolutions, "cpu"), made(convolutions, "cuda")
    found = cuda.model.predict(cuda.x, batch_size, verbose=0)
    assert_allclose(found, cpu.model.predict(cpu.x, verbose=0), atol=1e-5)


# ---- the same bits


@pytest.mark.parametrize("make", TASKS)
def test_two_runs_give_the_same_bits(make: Make) -> None:
    assert fitted(make) == fitted(make)


@pytest.mark.parametrize("make", TASKS)
def test_captured_steps_give_the_bits_of_others(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = fitted(make)
    monkeypatch.setenv("PYCNN_CUDA_GRAPH", "0")
    assert fitted(make) == captured


def test_long_captures_give_the_bits_of_single_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"batch_size": 1, "epochs": 12}  # runs become long when they prove to be quick
    captured = fitted(dense, **options)
    monkeypatch.setenv("PYCNN_CUDA_GRAPH", "0")
    assert fitted(dense, **options) == captured


def test_steps_one_by_one_give_the_bits_of_a_run() -> None:
    watched: list[int] = []
    watcher = pycnn.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: watched.append(batch)
    )
    assert fitted(dense, batch_size=5, callbacks=[watcher]) == fitted(dense, batch_size=5)
    assert watched == [*range(9)] * 3


def test_batches_of_changing_size_and_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Captured steps are not taken for batches that they do not fit."""
    x, y = pycnn.datasets.synthetic_digits(44, seed=7)
    results = []
    for graphs in ("1", "0"):
        monkeypatch.setenv("PYCNN_CUDA_GRAPH", graphs)
        model = made(convolutions, "cuda").model
        losses = []
        for count, kind in (
            [(8, "uint8")] * 3 + [(8, "float32")] * 3 + [(20, "uint8"), (3, "uint8")]
        ):
            losses.append(model.train_on_batch(x[:count].astype(kind), y[:count]))
            losses.append(model.evaluate(x[:count], y[:count], verbose=0))
        results.append(losses)
    assert results[0] == results[1]


def test_compile_begins_anew() -> None:
    task = made(dense, "cuda")
    weights = task.model.get_weights()
    first = step_losses(task, 6)
    task.model.set_weights(weights)
    assert step_losses(task, 1) != first[:1] or step_losses(task, 5, 1) != first[1:]  # momentum
    task.model.set_weights(weights)
    task.model.compile(SGD(0.1, momentum=0.9), SPARSE, ["accuracy"])
    assert step_losses(task, 6) == first


# ---- from device to device


def test_a_saved_model_goes_on_elsewhere(tmp_path: Path) -> None:
    task = made(convolutions, "cuda")
    step_losses(task, 3)
    task.model.save(tmp_path / "model.safetensors")
    expected = task.model.predict(task.x, verbose=0)
    for device, atol in (("cpu", 1e-5), ("cuda", 0)):
        pycnn.set_device(device)
        loaded = pycnn.load_model(tmp_path / "model.safetensors")
        assert loaded.device == device
        assert_same_weights(loaded, task.model)
        assert_allclose(loaded.predict(task.x, verbose=0), expected, atol=atol)


@pytest.mark.parametrize("name", RULES)
def test_a_model_moves_in_the_middle_of_its_training(name: str) -> None:
    def make() -> Task:
        return penalized(RULES[name]())

    stays, moves = made(make, "cpu"), made(make, "cuda")
    expected = step_losses(stays, 12)
    losses = step_losses(moves, 4)
    moves.model.to("cpu")
    losses += step_losses(moves, 4, 4)
    moves.model.to("cuda")
    losses += step_losses(moves, 4, 8)
    assert moves.model.device == "cuda"
    assert_allclose(losses, expected, rtol=1e-4)


@pytest.mark.parametrize("make", TASKS)
def test_there_and_back_changes_no_bit(make: Make) -> None:
    losses = []
    for there_and_back in (False, True):
        task = made(make, "cuda")
        before = step_losses(task, 3)
        if there_and_back:
            task.model.to("cpu")
            task.model.to("cuda")
        losses.append(before + step_losses(task, 3, 3))
    assert losses[0] == losses[1]


def test_set_weights_reaches_the_device() -> None:
    task = made(dense, "cuda")
    step_losses(task, 3)  # captured by now
    zeros = [np.zeros_like(w) for w in task.model.get_weights()]
    task.model.set_weights(zeros)
    assert_allclose(task.model.predict(task.x, verbose=0), 0.25)
    assert step_losses(task, 1) == pytest.approx([np.log(4)])
    assert not classes(44).all()  # so that the bias has moved
    assert task.model.get_weights()[3].any()
