"""The choice of a device, in every build and on every machine."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import dense_model

import pycnn
from pycnn import _core, layers

Data = tuple[np.ndarray, np.ndarray]

AVAILABLE = pycnn.cuda.is_available()
EMULATED = _core.cuda_is_emulated()
#: What must be said when "cuda" is not to be had.
MISSING = (
    r"device 'cuda' is not available: (there is no NVIDIA GPU|the NVIDIA driver is missing)"
    if pycnn.cuda.is_built()
    else r"this build of pycnn has no CUDA backend; .*nvcc \(docs/cuda.md\)"
)
without_gpu = pytest.mark.skipif(AVAILABLE, reason="there is a GPU")


@pytest.fixture(autouse=True)
def device_put_back() -> Iterator[None]:
    before = pycnn.device()
    yield
    pycnn.set_device(before)


def small(device: str | None = None) -> pycnn.Sequential:
    return pycnn.Sequential([layers.Dense(2, input_shape=(3,))], device=device)


def functional(device: str | None = None) -> pycnn.Model:
    x = pycnn.Input((3,))
    return pycnn.Model(x, layers.Dense(2)(x), device=device)


def run(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "PYCNN_DEVICE"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,  # where no source folder hides the installed package
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


SHOW = "import pycnn; print(pycnn.device())"


def test_a_gpu_is_used_where_there_is_one_and_the_emulator_only_when_asked_for(
    tmp_path: Path,
) -> None:
    expected = "cuda" if AVAILABLE and not EMULATED else "cpu"
    for environment in ({}, {"PYCNN_DEVICE": "auto"}):
        assert run(tmp_path, SHOW, **environment).stdout.strip() == expected


def test_the_environment_chooses(tmp_path: Path) -> None:
    assert run(tmp_path, SHOW, PYCNN_DEVICE="cpu").stdout.strip() == "cpu"
    asked = run(tmp_path, SHOW, PYCNN_DEVICE="cuda")
    if AVAILABLE:
        assert asked.stdout.strip() == "cuda"
    else:
        assert asked.returncode == 1 and "RuntimeError" in asked.stderr
    wrong = run(tmp_path, "import pycnn; print('imported'); pycnn.device()", PYCNN_DEVICE="tpu")
    assert wrong.stdout.strip() == "imported"
    assert "ValueError: PYCNN_DEVICE: unknown device 'tpu'; known: auto, cpu, cuda" in wrong.stderr


def test_it_imports_and_works_where_no_gpu_can_be_seen(tmp_path: Path) -> None:
    code = (
        "import numpy, pycnn; pycnn.cuda.is_built(); pycnn.cuda.is_available();"
        "print(pycnn.device(), pycnn.ops.relu(numpy.float32([-1, 2])).tolist())"
    )
    done = run(tmp_path, code, CUDA_VISIBLE_DEVICES="-1")
    assert done.stdout.strip() == "cpu [0.0, 2.0]", done.stderr


@without_gpu
def test_what_is_missing_is_said() -> None:
    for use in (
        lambda: pycnn.set_device("cuda"),
        lambda: small("cuda"),
        lambda: small().to("cuda"),
        pycnn.cuda.device_name,
        pycnn.cuda.memory_info,
    ):
        with pytest.raises(RuntimeError, match=MISSING):
            use()
    assert pycnn.device() == "cpu"


@pytest.mark.skipif(not AVAILABLE, reason="there is no GPU")
def test_a_gpu_has_a_name_and_memory() -> None:
    assert pycnn.cuda.is_built() and pycnn.cuda.device_name()
    free, total = pycnn.cuda.memory_info()
    assert 0 < free <= total


@pytest.mark.parametrize("name", ["gpu", "CUDA", "cuda:0", ""])
def test_an_unknown_device_is_refused(name: str) -> None:
    model = small()
    for use in (pycnn.set_device, small, model.to):
        with pytest.raises(ValueError, match=f"unknown device '{name}'; known: auto, cpu, cuda"):
            use(name)
    assert model.device == pycnn.device()


@pytest.mark.parametrize("name", [0, b"cpu", ["cpu"]])
def test_a_device_that_is_no_name_is_refused(name: Any) -> None:
    for use in (pycnn.set_device, small, small().to):
        with pytest.raises(TypeError, match="device must be a name: 'auto', 'cpu' or 'cuda'"):
            use(name)


def test_a_model_keeps_the_device_it_was_made_for() -> None:
    pycnn.set_device("cpu")
    model = small()
    assert model.device == "cpu"
    pycnn.set_device("auto")
    assert model.device == "cpu"
    assert small().device == pycnn.device()
    assert small("cpu").device == "cpu"
    assert functional("cpu").device == "cpu"


def test_to_the_same_device_changes_nothing(blobs: Data) -> None:
    model = dense_model()
    model.to("cpu")
    model.train_on_batch(*blobs)
    before = [weight.tobytes() for weight in model.get_weights()]
    model.to("cpu")
    assert [weight.tobytes() for weight in model.get_weights()] == before
    assert model.optimizer.iterations == 1


def test_a_model_is_not_moved_while_it_trains(blobs: Data) -> None:
    model = dense_model()
    mover = pycnn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: model.to("cpu"))
    with pytest.raises(RuntimeError, match="to must not be called while fit runs"):
        model.fit(*blobs, verbose=0, callbacks=[mover])


@without_gpu
def test_a_model_that_cannot_move_stays_and_works(blobs: Data) -> None:
    model = dense_model()
    expected = model.predict(blobs[0], verbose=0)
    with pytest.raises(RuntimeError, match=MISSING):
        model.to("cuda")
    assert model.device == "cpu"
    np.testing.assert_array_equal(model.predict(blobs[0], verbose=0), expected)


def test_a_network_of_the_core_says_where_it_is() -> None:
    graph = _core.Graph((4,))
    network = _core.Network(graph, [graph.dense(graph.input, units=2)], 0, "cpu")
    assert network.device == "cpu"
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        network.set_device("gpu")


# ---- models that are made for one: the zoo's, and those in files

BUILDERS = [getattr(pycnn.models, name) for name in pycnn.models.__all__ if name != "start_from"]


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_the_zoo_takes_a_device(build: Any) -> None:
    assert build(device="cpu").device == "cpu"
    assert build().device == pycnn.device()
    with pytest.raises(ValueError, match="unknown device 'tpu'"):
        build(device="tpu")
    if not AVAILABLE:
        with pytest.raises(RuntimeError, match=MISSING):
            build(device="cuda")
    else:
        assert build(device="cuda").device == "cuda"


@pytest.mark.parametrize("make", [small, functional])
def test_a_file_is_loaded_for_a_device(make: Callable[..., pycnn.Model], tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    model = make("cpu")
    model.save(file)
    for device in ("cpu", "cuda") if AVAILABLE else ("cpu",):
        loaded = pycnn.load_model(file, device=device)
        assert loaded.device == device
        for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert pycnn.load_model(file).device == pycnn.device()
    with pytest.raises(ValueError, match=r"^unknown device 'tpu'"):
        pycnn.load_model(file, device="tpu")
    with pytest.raises(TypeError, match="device must be a name"):
        pycnn.load_model(file, device=0)  # type: ignore[arg-type]
    if not AVAILABLE:
        with pytest.raises(RuntimeError, match=MISSING):
            pycnn.load_model(file, device="cuda")
