"""A GPU, or its emulator, when something goes wrong or several want it: memory, threads, Ctrl-C."""

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_models import Task, classes, convolutions, dense, normalized, pictures, python_layer
from numpy.testing import assert_array_equal

import pycnn
from pycnn import _core, layers

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not pycnn.cuda.is_available(), reason="there is no GPU"),
]

emulator_only = pytest.mark.skipif(
    not _core.cuda_is_emulated(), reason="a real GPU's memory cannot be made small"
)


@pytest.fixture(autouse=True)
def on_cuda() -> Iterator[None]:
    before = pycnn.device()
    pycnn.set_device("cuda")
    yield
    pycnn.set_device(before)


def made(make: Any) -> Task:
    pycnn.set_random_seed(3)
    return make()


def used() -> int:
    gc.collect()
    free, total = pycnn.cuda.memory_info()
    return total - free


def weights(model: pycnn.Model) -> list[bytes]:
    return [array.tobytes() for array in model.get_weights()]


# ---- memory


def leave(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Of the emulated GPU's memory."""
    monkeypatch.setenv("PYCNN_EMULATOR_MEMORY", str(used() + free))


@emulator_only
def test_out_of_memory_is_said_and_the_next_step_works(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for room in (None, 1 << 17):
        task = made(convolutions)
        losses = [task.model.train_on_batch(task.x[:8], task.y[:8]) for _ in range(3)]
        if room is not None:
            leave(monkeypatch, room)
            many = np.zeros((2000, 28, 28, 1), np.uint8), np.zeros(2000, np.int64)
            with pytest.raises(MemoryError, match=r"allocate \d+ bytes \(\d+ MiB\) on the GPU"):
                task.model.train_on_batch(*many)
            monkeypatch.delenv("PYCNN_EMULATOR_MEMORY")
        losses += [task.model.train_on_batch(task.x[:8], task.y[:8]) for _ in range(3)]
        losses += [task.model.train_on_batch(task.x, task.y)]
        results.append((losses, weights(task.model)))
    assert results[0] == results[1]


@emulator_only
def test_no_memory_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept of it, and a model that was to move stays where it is."""
    pycnn.set_device("cpu")
    task = made(dense)
    expected = task.model.predict(task.x, verbose=0)
    before = used()
    leave(monkeypatch, 100)
    with pytest.raises(MemoryError, match="on the GPU"):
        task.model.to("cuda")
    assert task.model.device == "cpu"
    assert_array_equal(task.model.predict(task.x, verbose=0), expected)
    assert used() == before


@emulator_only
def test_no_memory_for_more_images_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """predict and evaluate take many batches at once, where there is memory for them."""
    task = made(convolutions)
    x, y = np.concatenate([task.x] * 40), np.concatenate([task.y] * 40)
    expected = task.model.predict(x, verbose=0), task.model.evaluate(x, y, verbose=0)
    task = made(convolutions)
    leave(monkeypatch, 1 << 20)
    with pytest.raises(MemoryError, match="on the GPU"):
        task.model.predict(x, batch_size=len(x), verbose=0)
    assert_array_equal(task.model.predict(x, batch_size=8, verbose=0), expected[0])
    np.testing.assert_allclose(
        task.model.evaluate(x, y, batch_size=8, verbose=0), expected[1], 1e-6
    )


def large_pictures() -> Task:
    """25 KiB an image."""
    model = pycnn.Sequential(
        [
            pycnn.Input((40, 40, 4)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return Task(model, pictures(40, 40, 40, 4), classes(40))


@emulator_only
def test_data_too_big_for_the_gpu_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for scarce in (False, True):
        model, x, y = made(large_pictures)
        model.train_on_batch(x[:4], y[:4])
        if scarce:
            leave(monkeypatch, x.nbytes * 3 // 4)
        history = model.fit(x, y, batch_size=4, epochs=2, verbose=0).history
        results.append((history, weights(model)))
    assert results[0] == results[1]


def test_data_are_let_go_after_fit() -> None:
    model, x, y = made(large_pictures)
    model.fit(x[:8], y[:8], batch_size=4, verbose=0)
    before = used()
    model.fit(x, y, batch_size=4, verbose=0)
    assert used() < before + x.nbytes // 2


def test_fifty_models_leave_no_memory_behind() -> None:
    def cycle() -> None:
        for make in (convolutions, normalized):
            task = made(make)
            task.model.fit(task.x[:16], task.y[:16], batch_size=8, epochs=2, verbose=0)
            task.model.evaluate(task.x[:16], task.y[:16], verbose=0)
            task.model.to("cpu")
            task.model.to("cuda")
            task.model.predict(task.x[:8], verbose=0)

    for _ in range(5):  # a driver takes some for itself at first
        cycle()
    before = used()
    for _ in range(45):
        cycle()
    assert used() <= before


# ---- steps that fail


def test_data_that_are_not_finite_are_reported_as_on_the_cpu() -> None:
    messages, after = [], []
    for device in ("cpu", "cuda"):
        pycnn.set_device(device)
        task = made(dense)
        x = task.x.copy()
        x[37] = np.nan
        with pytest.raises(FloatingPointError, match="step 5 of 6") as caught:
            task.model.fit(x, task.y, batch_size=8, shuffle=False, verbose=0)
        messages.append(str(caught.value))
        assert task.model.optimizer.iterations == 4
        after.append(task.model)
    assert messages[1] == messages[0]
    good = made(dense)
    good.model.fit(good.x[:32], good.y[:32], batch_size=8, shuffle=False, verbose=0)
    assert weights(after[1]) == weights(good.model)  # as four good steps have left them
    history = after[1].fit(task.x, task.y, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_failed_step_moves_no_statistics() -> None:
    task = made(normalized)
    x = task.x.copy()
    x[3] = np.inf
    task.model.train_on_batch(task.x, task.y)
    before = weights(task.model)
    for _ in range(3):  # the third is a captured one
        with pytest.raises(FloatingPointError):
            task.model.train_on_batch(x, task.y)
        assert weights(task.model) == before
    assert np.isfinite(task.model.train_on_batch(task.x, task.y)[0])


def test_a_python_layer_that_raises_leaves_the_steps_before_it() -> None:
    task = made(python_layer)
    layer = task.model.get_layer(index=1)
    forward, left = layer.forward, 4

    def fail(x: np.ndarray) -> np.ndarray:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return forward(x)

    layer.forward = fail
    with pytest.raises(KeyboardInterrupt):
        task.model.fit(task.x, task.y, batch_size=8, shuffle=False, verbose=0)
    assert task.model.optimizer.iterations == 3
    good = made(python_layer)
    good.model.fit(good.x[:24], good.y[:24], batch_size=8, shuffle=False, verbose=0)
    assert weights(task.model) == weights(good.model)
    assert np.isfinite(task.model.fit(task.x, task.y, verbose=0).history["loss"]).all()


INTERRUPTED = """
import os, signal, threading
import numpy as np
import pycnn
from pycnn import layers

signal.signal(signal.SIGINT, signal.default_int_handler)
pycnn.set_device("cuda")
model = pycnn.Sequential(
    [layers.Dense(8, activation="tanh", input_shape=(4,)), layers.Dense(4, activation="softmax")]
)
model.compile("sgd", "sparse_categorical_crossentropy")
x, y = np.zeros((20_000, 4), np.float32), np.zeros(20_000, np.int64)
model.fit(x[:200], y[:200], batch_size=2, verbose=0)
before = model.optimizer.iterations
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    model.fit(x, y, batch_size=2, epochs=10_000, verbose=0)
except KeyboardInterrupt:
    print("interrupted")
assert model.optimizer.iterations > before
assert np.isfinite(model.fit(x[:40], y[:40], verbose=0).history["loss"]).all()
print("usable")
"""


def test_ctrl_c_ends_fit_and_leaves_a_usable_model(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        cwd=tmp_path,  # where no source folder hides the installed package
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.split() == ["interrupted", "usable"], done.stderr


# ---- several at once


def fit_all(tasks: list[Task]) -> None:
    failures: list[BaseException] = []

    def fit(task: Task) -> None:
        try:
            task.model.fit(task.x, task.y, batch_size=8, epochs=3, verbose=0)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=fit, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_models_in_several_threads_do_not_disturb_each_other() -> None:
    kinds = [convolutions, normalized, dense]
    together = [made(kind) for kind in kinds]
    fit_all(together)
    for kind, task in zip(kinds, together, strict=True):
        alone = made(kind)
        fit_all([alone])
        assert weights(alone.model) == weights(task.model)


def test_a_model_on_each_device_at_once() -> None:
    tasks = []
    for device in ("cuda", "cpu"):
        pycnn.set_device(device)
        tasks.append(made(convolutions))
    fit_all(tasks)
    for a, b in zip(tasks[0].model.get_weights(), tasks[1].model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_layer_in_two_models_has_one_set_of_weights_across_devices() -> None:
    shared = layers.Dense(4, activation="softmax")
    x = pycnn.Input((6,))
    on_gpu = pycnn.Model(x, shared(x), device="cuda")
    on_cpu = pycnn.Model(x, shared(x), device="cpu")
    data = pictures(20, 6)
    on_gpu.compile("sgd", "sparse_categorical_crossentropy")
    on_gpu.fit(data, data.argmax(axis=1) % 4, verbose=0)
    for a, b in zip(on_gpu.get_weights(), on_cpu.get_weights(), strict=True):
        assert_array_equal(a, b)
    np.testing.assert_allclose(
        on_cpu.predict(data, verbose=0), on_gpu.predict(data, verbose=0), atol=1e-6
    )
