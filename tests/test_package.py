"""What `import pycnn` brings and what it leaves for later."""

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

import pycnn


def test_import_leaves_slow_packages_for_later(tmp_path: Path) -> None:
    code = (
        "import sys, pycnn; "
        "print([name for name in ('tqdm', 'pooch', 'safetensors', 'requests') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_source_folder_without_the_core_says_so(tmp_path: Path) -> None:
    source = Path(pycnn.__file__).parent
    only_python = shutil.ignore_patterns("_core.*", "__pycache__")
    shutil.copytree(source, tmp_path / "pycnn", ignore=only_python)
    # -S: neither the installed package nor an editable one is found.
    command = [sys.executable, "-S", "-c", "import pycnn"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: pycnn is imported from its source folder")
    assert str(tmp_path) in last and "no built core" in last


def test_a_wheel_weighs_less_than_15_megabytes() -> None:
    """Deflated, as in a wheel; with CUDA, for as many GPUs as this build is for."""
    files = (path for path in Path(pycnn.__file__).parent.rglob("*") if path.is_file())
    assert sum(len(zlib.compress(path.read_bytes())) for path in files) < 15_000_000


def test_every_public_name_is_there() -> None:
    modules = [pycnn, pycnn.layers, pycnn.ops, pycnn.datasets]
    for module in modules:
        assert all(hasattr(module, name) for name in module.__all__)


def test_threads_are_set_and_read() -> None:
    pycnn.set_num_threads(3)
    assert pycnn.num_threads() == 3


def test_tensor_shares_numpys_memory() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = pycnn.Tensor(array)
    assert tensor.shape == (2, 3) and tensor.dtype == "float32" and len(tensor) == 2
    for view in (tensor.numpy(), np.asarray(tensor), memoryview(tensor), np.from_dlpack(tensor)):
        assert np.shares_memory(view, array)
