"""Every test of an op runs on every instruction set that this machine has, with images and with
channels in the lanes, and on its GPU."""

import pytest

from pycnn import _core

_CUDA = "cuda-emulated" if _core.cuda_is_emulated() else "cuda"


def _backends():
    isas = _core.available_cpu_isas()
    backends = [pytest.param((isa, "images"), id=isa) for isa in isas]
    backends += [pytest.param((isa, "channels"), id=f"{isa}-channels") for isa in isas]
    if _core.cuda_is_available():
        backends.append(pytest.param((_CUDA, "auto"), id=_CUDA, marks=pytest.mark.cuda))
    return backends


@pytest.fixture(scope="module", params=_backends())
def isa(request):
    """Forces one build of the kernels for the tests of a file, and puts the old one back."""
    before, device = _core.cpu_isa(), _core.default_device()
    backend, lanes = request.param
    if backend == _CUDA:
        _core.set_default_device("cuda")
    else:
        _core.set_default_device("cpu")
        _core.set_cpu_isa(backend)
        _core.set_cpu_lanes(lanes)
    yield backend
    _core.set_cpu_isa(before)
    _core.set_cpu_lanes("auto")
    _core.set_default_device(device)


@pytest.fixture
def gpu():
    """For tests of what the GPU alone does."""
    if not _core.cuda_is_available():
        pytest.skip("there is no GPU")
    before = _core.default_device()
    _core.set_default_device("cuda")
    yield
    _core.set_default_device(before)
