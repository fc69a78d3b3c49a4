"""Ctrl-C in the middle of an epoch."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pycnn
from pycnn import layers

CHILD = """
import signal

import numpy as np
import pycnn
from pycnn import callbacks, layers

# A parent that runs in the background of a shell has it ignored, and so would this process.
signal.signal(signal.SIGINT, signal.default_int_handler)
model = pycnn.Sequential([
    pycnn.Input((28, 28, 1)),
    layers.Conv2D(32, 5, padding="same", activation="relu"),
    layers.Conv2D(64, 5, padding="same", activation="relu"),
    layers.Flatten(),
    layers.Dense(10, activation="softmax"),
])
model.compile(pycnn.optimizers.SGD(1e-6), "sparse_categorical_crossentropy", ["accuracy"])
x = np.zeros((200_000, 28, 28, 1), np.uint8)
y = np.zeros(200_000, np.int64)
watcher = callbacks.LambdaCallback(on_train_end=lambda logs: print("ended", flush=True))
try:
    model.fit(x, y, verbose=1, callbacks=[watcher])
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert model.optimizer.iterations > 0
model.evaluate(x[:16], y[:16], verbose=0)
model.fit(x[:32], y[:32], verbose=0)
assert all(np.isfinite(weight).all() for weight in model.get_weights())
print("usable", flush=True)
"""


def test_ctrl_c_stops_fit_and_leaves_a_usable_model(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD],
        cwd=tmp_path,  # where no source folder hides the installed package
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        try:
            shown = ""
            while "images/s" not in shown:  # the bar has moved: steps are being done
                piece = child.stderr.read(1)
                assert piece, f"no progress: {shown}"
                shown += piece
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert out.split() == ["ended", "interrupted", "usable"], err
    assert child.returncode == 0


class Interrupted(layers.Layer):
    """The identity; Ctrl-C comes in its n-th batch."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.left = n

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy


def test_the_steps_before_ctrl_c_count(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    output = layers.Dense(4, activation="softmax", input_shape=(4,))
    model = pycnn.Sequential([output, Interrupted(6)])
    asked: list[int] = []
    model.compile(pycnn.optimizers.SGD(lambda step: asked.append(step) or 0.1), "mse")
    x, y = blobs[0], np.eye(4, dtype=np.float32)[blobs[1]]
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=8, verbose=0)
    assert model.optimizer.iterations == 5
    asked.clear()
    model.fit(x, y, batch_size=8, verbose=0)
    assert asked[0] == 5 and model.optimizer.iterations == 17
