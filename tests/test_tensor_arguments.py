"""Errors of `pycnn.Tensor` name the argument, not the binding behind it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dlpack_by_hand import Interface, Producer

import pycnn
from pycnn import Tensor

GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.cuda,
        pytest.mark.skipif(not pycnn.cuda.is_available(), reason="there is no GPU"),
    ],
)


@pytest.fixture(params=["cpu", GPU])
def tensor(request: pytest.FixtureRequest) -> Tensor:
    return Tensor(np.arange(12, dtype=np.float32).reshape(3, 4)).to(request.param)


CALLS: list[tuple[str, Callable[[Tensor, Any], Any], list[Any]]] = [
    ("device must be a name: 'auto', 'cpu' or 'cuda'", Tensor.to, [None, 0, b"cpu", ["cpu"]]),
    ("shape must be a sequence of integers", Tensor.reshape, [None, 12, "12", (3.5,), (2**70,)]),
    ("first must be an integer", lambda t, v: t.rows(v, 1), [None, "0", 0.5, (0,), 2**70]),
    ("count must be an integer", lambda t, v: t.rows(0, v), [None, "1", 1.5, (1,), 2**70]),
    (
        "stream must be None, -1, 1, 2 or the address of a CUDA stream",
        lambda t, v: t.__dlpack__(stream=v),
        ["x", 1.5, (1,), 2**70],
    ),
    (
        "max_version must be None or a pair of integers",
        lambda t, v: t.__dlpack__(max_version=v),
        [1, (1,), ("1", 0), "10", (2**40, 0)],
    ),
    (
        "dl_device must be None or a pair of integers",
        lambda t, v: t.__dlpack__(dl_device=v),
        [1, (1,), ("1", 0), (1, None)],
    ),
    (
        "copy must be None, True or False",
        lambda t, v: t.__dlpack__(copy=v),
        ["yes", (1,), object()],
    ),
]


@pytest.mark.parametrize(("message", "call", "values"), CALLS, ids=[c[0][:12] for c in CALLS])
def test_the_argument_is_named(
    tensor: Tensor, message: str, call: Callable[[Tensor, Any], Any], values: list[Any]
) -> None:
    for value in values:
        with pytest.raises(TypeError) as error:
            call(tensor, value)
        assert str(error.value) == f"[Tensor] {message}; got {value!r}"


def test_array_s_copy_is_true_or_false() -> None:
    tensor = Tensor(np.zeros(3, np.float32))
    with pytest.raises(TypeError, match="copy must be None, True or False; got 'yes'"):
        tensor.__array__(copy="yes")  # type: ignore[arg-type]


def unaligned() -> np.ndarray:
    return np.frombuffer(b"." * 17, np.uint8)[1:].view(np.float32)


def test_an_address_that_is_not_aligned_is_called_so() -> None:
    with pytest.raises(TypeError, match="aligned array; got one whose address is no multiple of 4"):
        Tensor(unaligned())
    with pytest.raises(TypeError, match="C-contiguous array; got one with other strides"):
        Tensor(np.zeros((3, 4), np.float32).T)


@pytest.mark.cuda
@pytest.mark.skipif(not pycnn.cuda.is_available(), reason="there is no GPU")
def test_an_address_on_the_gpu_that_is_not_aligned_is_called_so() -> None:
    there = Tensor(np.zeros(16, np.float32)).to("cuda")
    address = there.__cuda_array_interface__["data"][0]
    for source in (
        Producer(there, byte_offset=2, shape=(2,)),
        Interface(there, data=(address + 2, False), shape=(2,)),
    ):
        with pytest.raises(TypeError, match=rf"aligned .* address, {address + 2}, is no multiple"):
            Tensor(source)
