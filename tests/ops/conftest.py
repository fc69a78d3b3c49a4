"""Every test of an op runs on every instruction set that this machine has."""

import pytest

from pycnn import _core


@pytest.fixture(scope="module", params=_core.available_cpu_isas())
def isa(request):
    """Forces one build of the kernels for the tests of a file, and puts the old one back."""
    before = _core.cpu_isa()
    _core.set_cpu_isa(request.param)
    yield request.param
    _core.set_cpu_isa(before)
