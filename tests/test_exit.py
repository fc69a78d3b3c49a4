"""The interpreter ends while daemon threads are in the core."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

BEGIN = """
import atexit, sys, threading, time

def at_last():  # registered before pycnn's handler, and hence called after it
    pass

atexit.register(lambda: at_last())

import numpy as np
import pycnn
from pycnn import callbacks, layers

class Copy(layers.Layer):
    def forward(self, x):
        return x.copy()
    def backward(self, dy):
        return dy

class Quiet(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass

def make(*between):
    model = pycnn.Sequential([
        pycnn.Input((12, 12, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(),
        *between, layers.Dense(10, activation="softmax"),
    ])
    model.compile(pycnn.optimizers.SGD(1e-4), "sparse_categorical_crossentropy", ["accuracy"])
    return model

x, y = np.zeros((2048, 12, 12, 1), np.uint8), np.zeros(2048, np.int64)

def fit(model, own=()):
    watcher = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: begun.set())
    model.fit(x, y, epochs=10**6, verbose=0, callbacks=[watcher, *own])

def ever(work):
    while True:
        work()
        begun.set()

begun = threading.Event()

def start(work, *arguments):
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    assert begun.wait(30)
    time.sleep(0.02)
    return thread
"""

WORK = {
    "fit": "start(fit, make())",
    "a Python layer": "start(fit, make(Copy()))",
    "a callback for each batch": "start(fit, make(), [Quiet()])",
    "predict": "model = make(); start(ever, lambda: model.predict(x[:64], verbose=0))",
    "a copy of a tensor": "tensor = pycnn.Tensor(x); start(ever, tensor.clone)",
    "two models": "start(fit, make()); begun.clear(); start(fit, make(Copy()))",
}


def run(code: str, folder: Path) -> list[str]:
    """The lines that a program writes that ends as it should."""
    # Python 3.12 and later warn of a fork with threads.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGIN + code]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


def timed(code: str, folder: Path) -> float:
    """Seconds that a program takes to end after its last line."""
    lines = run(code + "\nprint(time.time())", folder)
    return time.time() - float(lines[-1])


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_the_process_ends_at_once_and_without_a_word(work: str, tmp_path: Path) -> None:
    for _ in range(3):
        assert timed(work, tmp_path) < 4.0


def test_a_thread_in_the_core_ends_with_system_exit(tmp_path: Path) -> None:
    """One that is in a call, and one that begins a call later; the main thread may go on."""
    code = """
def note(name, work):
    try:
        work()
    except SystemExit as error:
        print(name, error)

gate = threading.Event()

def later():
    gate.wait()
    note("later:", lambda: model.predict(x, verbose=0))

def at_last():
    training.join(30)
    gate.set()
    waiting.join(30)
    print(training.is_alive(), waiting.is_alive(), model.predict(x[:3], verbose=0).shape)

model = make()
training = start(note, "running:", lambda: fit(make()))
waiting = threading.Thread(target=later, daemon=True)
waiting.start()
"""
    text = "the interpreter is exiting: pycnn runs no more in this thread"
    assert run(code, tmp_path) == [
        f"running: {text}",
        f"later: {text}",
        "False False (3, 10)",
    ]


def test_a_layer_that_waits_for_something_holds_the_exit_up_for_seconds_only(
    tmp_path: Path,
) -> None:
    code = """
class Stuck(Copy):
    def forward(self, x):
        begun.set()
        time.sleep(600)

start(fit, make(Stuck()))
"""
    assert 4.0 < timed(code, tmp_path) < 30.0


def test_a_child_of_a_process_that_trains_does_not_wait_for_it(tmp_path: Path) -> None:
    code = """
import os
model = make()
start(fit, model)
child = os.fork()
if child == 0:
    sys.exit(0)
begin = time.time()
assert os.waitpid(child, 0)[1] == 0
print(time.time() - begin)
"""
    assert float(run(code, tmp_path)[0]) < 4.0
