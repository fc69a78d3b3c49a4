"""Threads, seeds and what the core's classes do with instances that nobody initialised."""

import inspect
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import _core

CLASSES = [
    item
    for item in vars(_core).values()
    if inspect.isclass(item) and not issubclass(item, Exception)
]


def public_names(cls: type) -> list[str]:
    return [name for name in dir(cls) if not hasattr(object, name) and "pybind11" not in name]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_instance_without_init_is_a_type_error(cls: Any) -> None:
    empty = cls.__new__(cls)
    names = [name for name in public_names(cls) if not inspect.isroutine(getattr(cls, name))]
    for name in names:
        with pytest.raises(TypeError, match="was not initialised"):
            getattr(empty, name)
    with pytest.raises(TypeError):
        _core.Network(empty, [empty], 0)


def test_uninitialised_tensors_and_trainers_are_refused() -> None:
    tensor = pycnn.Tensor.__new__(pycnn.Tensor)
    for use in (repr, len, pycnn.Tensor.numpy, np.asarray):
        with pytest.raises(TypeError, match="was not initialised"):
            use(tensor)
    with pytest.raises(BufferError):
        memoryview(tensor)
    graph = _core.Graph((4,))
    network = _core.Network(graph, [graph.dense(graph.input, units=2)], 0)
    with pytest.raises(TypeError, match="was not initialised"):
        network.predict([tensor], 1)
    with pytest.raises(TypeError, match="was not initialised"):
        network.compile(
            outputs=[_core.OutputOptions.__new__(_core.OutputOptions)], optimizer=_core.SGD()
        )
    with pytest.raises(TypeError, match="was not initialised"):
        _core.Network(_core.Graph.__new__(_core.Graph), [0], 0)
    with pytest.raises(TypeError, match="was not initialised"):
        _core.Trainer.__new__(_core.Trainer).start_epoch()


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"seed must be from 0 to 2.*received {seed}"):
        pycnn.set_random_seed(seed)


@pytest.mark.parametrize("seed", [None, 1.5, "1"])
def test_a_seed_that_is_no_integer_is_refused(seed: Any) -> None:
    with pytest.raises(TypeError, match="seed must be an integer"):
        pycnn.set_random_seed(seed)


def test_the_largest_seed_is_taken() -> None:
    pycnn.set_random_seed(2**64 - 1)
    first = _core.next_seed()
    pycnn.set_random_seed(np.uint64(2**64 - 1))
    assert _core.next_seed() == first


@pytest.mark.parametrize("count", [0, -1, 1025, 2**40])
def test_a_number_of_threads_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(
        ValueError, match=f"number of threads must be from 1 to 1024; received {count}$"
    ):
        pycnn.set_num_threads(count)


@pytest.mark.parametrize("count", [None, 1.5, True])
def test_a_number_of_threads_that_is_no_integer_is_refused(count: Any) -> None:
    with pytest.raises(TypeError, match="number of threads must be an integer"):
        pycnn.set_num_threads(count)


LIMITED = """
import resource
import numpy as np
import pycnn
# Each thread reserves its stack: with little address space most cannot be started.
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
stack = 64 << 20
resource.setrlimit(resource.RLIMIT_STACK, (stack, resource.getrlimit(resource.RLIMIT_STACK)[1]))
import threading
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), resource.RLIM_INFINITY))
try:
    pycnn.set_num_threads(1024)
except RuntimeError as error:
    print(error)
x = np.ones((64, 3), np.float32)
assert (pycnn.ops.relu(x) == x).all()
print(1 <= pycnn.num_threads() < 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_threads_that_cannot_be_started_are_done_without(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_AS)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    message, usable = done.stdout.splitlines()
    assert "could start only" in message and "of 1024 threads" in message
    assert usable == "True"


INTERRUPTED = """
import os, signal, threading
import pycnn
from pycnn import _core
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    {work}
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(
    "work",
    [
        "_core.measure_peak(1e9)",
        # Seconds for two threads, were it not interrupted.
        "pycnn.set_num_threads(2); g = _core.Graph((8192,)); "
        "_core.Network(g, [g.dense(g.input, units=8192, kernel_initializer='he_normal')], 0)",
    ],
    ids=["measure_peak", "Network"],
)
def test_ctrl_c_ends_long_native_work(work: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(work=work)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout == "interrupted\n", done.stderr


def test_initial_weights_do_not_depend_on_threads() -> None:
    def weights(threads: int) -> bytes:
        pycnn.set_num_threads(threads)
        graph = _core.Graph((700,))
        value = graph.dense(graph.input, units=300, kernel_initializer="he_normal")
        return _core.Network(graph, [value], 5).get_parameter(0).numpy().tobytes()

    assert weights(1) == weights(2) == weights(3)
