"""Settings from outside: what is empty is unset, and what is no setting is an error."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pycnn
from pycnn import layers

SWITCHES = ["PYCNN_FUSE"]
CUDA_SWITCHES = ["PYCNN_CUDA_GRAPH", "PYCNN_CUDA_SMALL_NET"]

#: Reads every setting: device, threads, instruction set and fusion.
READ_ALL = """
import numpy, pycnn
from pycnn import _core, layers
model = pycnn.Sequential([layers.Dense(2, input_shape=(3,))])
model.compile("sgd", "mse")
model.fit(numpy.ones((4, 3), "float32"), numpy.ones((4, 2), "float32"), verbose=0)
print(model.device, pycnn.num_threads(), _core.cpu_isa(), pycnn.datasets.mnist._in_data_dir("x"))
"""
READ = [
    "DEVICE",
    "NUM_THREADS",
    "CPU_ISA",
    "CPU_LANES",
    "FUSE",
    "DATA_DIR",
    "CUDA_GRAPH",
    "CUDA_SMALL_NET",
]


def read_all(folder: Path, **environment: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYCNN_")}
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        cwd=folder,  # where no source folder hides the installed package
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    empty = {f"PYCNN_{name}": "" for name in READ}
    assert read_all(tmp_path, **empty) == read_all(tmp_path)


def trained(device: str) -> None:
    net = [layers.Dense(4, activation="relu", input_shape=(3,)), layers.Dense(2)]
    model = pycnn.Sequential(net, device=device)
    model.compile("sgd", pycnn.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.ones((4, 3), np.float32), np.zeros(4, np.int64), batch_size=2, verbose=0)


def check_switch(name: str, device: str, patch: pytest.MonkeyPatch) -> None:
    for value in ("", "0", "1"):
        patch.setenv(name, value)
        trained(device)
    for value in ("2", "false", "00", " "):
        patch.setenv(name, value)
        with pytest.raises(ValueError, match=f"^{name} must be 0 or 1; received '{value}'$"):
            trained(device)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_0_or_1(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_switch(name, "cpu", monkeypatch)


@pytest.mark.cuda
@pytest.mark.skipif(not pycnn.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", SWITCHES + CUDA_SWITCHES)
def test_a_switch_of_the_gpu_is_0_or_1(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_switch(name, "cuda", monkeypatch)
