"""A fork's child of a process that has used the GPU: an exception, no hang and no crash."""

import subprocess
import sys
from pathlib import Path

import pytest

import pycnn

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not pycnn.cuda.is_available(), reason="there is no GPU"),
]

BEGIN = """
import os, sys
import numpy as np
import pycnn
from pycnn import layers

x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")

def trained(device):
    model = pycnn.Sequential([layers.Dense(2, input_shape=(3,))], device=device)
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=4, verbose=0)
    return model

def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        sys.exit(0)  # with destructors
    assert os.waitpid(child, 0)[1] == 0
"""


def run(code: str, folder: Path) -> list[str]:
    # Python 3.12 and later warn of a fork with threads.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGIN + code]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


USES = {
    "a new model": "trained('cuda')",
    "training": "model.fit(x, y, verbose=0)",
    "predict": "model.predict(x, verbose=0)",
    "weights": "model.get_weights()",
    "to": "model.to('cpu')",
    "a tensor to the GPU": "pycnn.Tensor(x).to('cuda')",
    "a tensor from the GPU": "tensor.to('cpu')",
    "clone": "tensor.clone()",
    "DLPack": "tensor.__dlpack__()",
    "memory_info": "pycnn.cuda.memory_info()",
    "device_name": "pycnn.cuda.device_name()",
    "set_device": "pycnn.set_device('cuda')",
}


def test_every_use_is_refused_and_the_cpu_works_on(tmp_path: Path) -> None:
    code = f"""
model, tensor = trained("cuda"), pycnn.Tensor(x).to("cuda")

def work():
    global model, tensor
    assert pycnn.cuda.is_built() and not pycnn.cuda.is_available()
    for name, use in {USES!r}.items():
        try:
            eval(use)
        except RuntimeError as error:
            print(name, error, sep=": ", flush=True)
    del model, tensor
    pycnn.set_device("auto")
    print(trained(None).device, flush=True)

in_child(work)
in_child(lambda: in_child(work))
model.fit(x, y, verbose=0)
"""
    message = "device 'cuda' is not available: this process is a fork of one that had used it"
    lines = run(code, tmp_path)
    half = len(lines) // 2
    assert lines[:half] == lines[half:]
    assert lines[half - 1] == "cpu"
    refused = [line.split(": ", 1) for line in lines[: half - 1]]
    assert [name for name, _ in refused] == list(USES)
    assert all(text.startswith(message) and "spawn" in text for _, text in refused)


def test_a_child_may_use_what_its_parent_has_not(tmp_path: Path) -> None:
    code = """
trained("cpu")
in_child(lambda: print(trained("cuda").device, flush=True))
"""
    assert run(code, tmp_path) == ["cuda"]
