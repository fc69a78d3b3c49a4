"""Tensors on the GPU, alone and shared with other libraries."""

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dlpack_by_hand import (
    CPU,
    CUDA,
    CUDA_MANAGED,
    IS_COPIED,
    READ_ONLY,
    Interface,
    Producer,
    capsule_name,
    managed_in,
    new_capsule,
)
from numpy.testing import assert_array_equal

import pycnn
from pycnn import Tensor, _core

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not _core.cuda_is_available(), reason="there is no GPU"),
]


def gpu(array: Any, dtype: str = "float32") -> Tensor:
    return Tensor(np.ascontiguousarray(array, dtype)).to("cuda")


def host(tensor: Tensor) -> np.ndarray:
    return tensor.to("cpu").numpy()


def address(tensor: Tensor) -> int:
    return tensor.__cuda_array_interface__["data"][0]


COUNT = np.arange(12, dtype=np.float32).reshape(3, 4)

# ---- one tensor


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64"])
@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (0, 4), (2, 3, 2, 2)])
def test_there_and_back(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    there = Tensor(array).to("cuda")
    assert (there.device, there.shape, there.dtype) == ("cuda", shape, dtype)
    assert (there.ndim, there.size) == (array.ndim, array.size)
    back = there.to("cpu")
    assert back.device == "cpu"
    assert_array_equal(back.numpy(), array)
    assert back.numpy().dtype == dtype


def test_to_the_same_device_gives_the_same_tensor() -> None:
    here, there = Tensor(COUNT), gpu(COUNT)
    assert here.to("cpu") is here and there.to("cuda") is there
    assert here.to("cuda") is not here
    assert Tensor(there).to("cuda") is not there and address(Tensor(there)) == address(there)


def test_what_a_tensor_can_do_on_the_gpu() -> None:
    there = gpu(COUNT)
    assert repr(there) == "<pycnn.Tensor float32 (3, 4) on cuda>" and len(there) == 3
    assert_array_equal(host(there.reshape((2, 6))), COUNT.reshape(2, 6))
    assert address(there.reshape([12])) == address(there)
    assert_array_equal(host(there.rows(1, 2)), COUNT[1:])
    assert address(there.rows(1, 2)) == address(there) + 16
    copy = there.clone()
    assert copy.device == "cuda" and address(copy) != address(there)
    assert_array_equal(host(copy), COUNT)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_shapes_and_rows_that_are_not_there_are_refused(device: str) -> None:
    tensor = Tensor(COUNT).to(device)
    for shape in [(5,), (-1, 4), (2**40, 2**40)]:
        with pytest.raises((ValueError, OverflowError)):
            tensor.reshape(shape)
    for first, count in [(-1, 1), (0, 4), (3, 1), (1, -1), (4, 0), (2**62, 2**62)]:
        with pytest.raises(ValueError, match="has no"):
            tensor.rows(first, count)
    assert tensor.rows(3, 0).shape == (0, 4)
    assert tensor.clone().device == device
    with pytest.raises(ValueError, match="rows"):
        Tensor(np.float32(1).reshape(())).to(device).rows(0, 0)


@pytest.mark.parametrize("read", [Tensor.numpy, np.asarray, np.array, np.sum])
def test_numpy_cannot_read_the_gpu(read: Callable[[Tensor], Any]) -> None:
    with pytest.raises(TypeError, match=r'\.to\("cpu"\)'):
        read(gpu(COUNT))


def test_there_is_no_buffer_on_the_gpu() -> None:
    with pytest.raises(BufferError):
        memoryview(gpu(COUNT))


@pytest.mark.parametrize("device", ["gpu", "cuda:0", "", "CUDA"])
def test_other_devices_are_refused(device: str) -> None:
    with pytest.raises(ValueError, match="unknown device"):
        Tensor(COUNT).to(device)
    with pytest.raises(TypeError):
        Tensor(COUNT).to(0)  # type: ignore[arg-type]


def test_uninitialised_tensors_are_refused() -> None:
    empty = Tensor.__new__(Tensor)
    for use in (
        lambda: empty.to("cuda"),
        empty.clone,
        lambda: empty.__cuda_array_interface__,
        empty.__dlpack__,
        lambda: _core.gpu_tensor(empty),
    ):
        with pytest.raises(TypeError, match="not initialised"):
            use()


# ---- DLPack, from pycnn


@pytest.mark.parametrize("stream", [None, -1, 1, 2])
def test_capsules_describe_the_tensor(stream: int | None) -> None:
    there = gpu(COUNT)
    assert there.__dlpack_device__() == (CUDA, 0)
    for version, name in [(None, b"dltensor"), ((0, 8), b"dltensor")] + [
        (version, b"dltensor_versioned") for version in [(1, 0), (1, 3), (2, 0)]
    ]:
        capsule = there.__dlpack__(stream=stream, max_version=version)
        assert capsule_name(capsule) == name
        managed = managed_in(capsule)
        array = managed.array
        assert array.data == address(there) and array.byte_offset == 0
        assert (array.device.type, array.device.id) == (CUDA, 0)
        assert (array.dtype.code, array.dtype.bits, array.dtype.lanes) == (2, 32, 1)
        assert array.shape[: array.ndim] == [3, 4] and array.strides[: array.ndim] == [4, 1]
        if name == b"dltensor_versioned":
            assert (managed.major, managed.flags) == (1, 0)


def test_an_empty_tensor_has_no_address_for_others() -> None:
    producer = Producer(gpu(COUNT), shape=(0, 2**40, 2**40))
    empty = Tensor(producer)
    assert managed_in(empty.__dlpack__()).array.data is None
    assert empty.__cuda_array_interface__["data"] == (0, False)


@pytest.mark.parametrize("stream", [0, -2])
def test_streams_that_are_none_are_refused(stream: int) -> None:
    with pytest.raises(ValueError, match="stream must be"):
        gpu(COUNT).__dlpack__(stream=stream)


@pytest.mark.parametrize(
    "options", [{"stream": "1"}, {"max_version": 1}, {"max_version": (1,)}, {"dl_device": CUDA}]
)
def test_arguments_of_other_kinds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        gpu(COUNT).__dlpack__(**options)


def test_a_tensor_that_must_not_be_written_to_says_so() -> None:
    there = gpu(COUNT)
    claims = there.__cuda_array_interface__["data"][0], True
    fixed = Tensor(Interface(there, data=claims))
    assert fixed.__cuda_array_interface__["data"] == claims
    with pytest.raises(BufferError, match="must not be written to"):
        fixed.__dlpack__()
    assert managed_in(fixed.__dlpack__(max_version=(1, 0))).flags == READ_ONLY
    assert managed_in(fixed.__dlpack__(max_version=(1, 0), copy=True)).flags == IS_COPIED


def test_copies_on_demand() -> None:
    there = gpu(COUNT)
    capsule = there.__dlpack__(max_version=(1, 0), copy=True)
    assert managed_in(capsule).flags == IS_COPIED
    assert managed_in(capsule).array.data != address(there)
    same = there.__dlpack__(max_version=(1, 0), copy=False, dl_device=(CUDA, 0))
    assert managed_in(same).array.data == address(there)


def test_a_consumer_may_want_another_device() -> None:
    there = gpu(COUNT)
    capsule = there.__dlpack__(dl_device=(CPU, 0))
    assert managed_in(capsule).array.device.type == CPU
    assert managed_in(Tensor(COUNT).__dlpack__(dl_device=(CUDA, 0))).array.device.type == CUDA
    for device in [(CUDA, 1), (CUDA, -1), (10, 0)]:
        with pytest.raises(BufferError, match="cannot be on"):
            there.__dlpack__(dl_device=device)
    with pytest.raises(BufferError, match="copy=False"):
        there.__dlpack__(dl_device=(CPU, 0), copy=False)


def test_a_capsule_that_nobody_takes_lets_go_of_the_memory() -> None:
    there = gpu(COUNT)
    owner = Interface(there)
    gone = weakref.ref(owner)
    capsule = Tensor(owner).__dlpack__()
    del owner
    gc.collect()
    assert gone() is not None
    del capsule
    gc.collect()
    assert gone() is None


# ---- DLPack, from others


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("make", [Tensor, Tensor.from_dlpack, _core.gpu_tensor])
def test_another_librarys_array_is_taken_without_a_copy(
    make: Callable[[Any], Tensor], versioned: bool
) -> None:
    there = gpu(COUNT)
    producer = Producer(there, versioned=versioned)
    tensor = make(producer)
    assert address(tensor) == address(there)
    assert (tensor.shape, tensor.dtype, tensor.device) == ((3, 4), "float32", "cuda")
    assert producer.received == [{"stream": 1, "max_version": (1, 0)}]
    assert capsule_name(producer.capsule).startswith(b"used_dltensor")
    part = tensor.rows(1, 1)
    del tensor
    assert producer.deleted == 0
    assert_array_equal(host(part), COUNT[1:2])
    del part
    assert producer.deleted == 1


def test_a_producer_from_before_there_were_versions() -> None:
    producer = Producer(gpu(COUNT), versioned=False)

    class Old:
        def __dlpack__(self, stream: int | None = None) -> Any:
            assert stream == 1
            return producer.capsule

        __dlpack_device__ = producer.__dlpack_device__

    assert_array_equal(host(Tensor(Old())), COUNT)


@pytest.mark.parametrize(
    ("claims", "part"),
    [
        ({"strides": (4, 1)}, COUNT),
        ({"shape": (1, 12), "strides": (-7, 1)}, COUNT.reshape(1, 12)),
        ({"shape": (2, 4), "byte_offset": 16}, COUNT[1:]),
        ({"shape": (0, 4), "data": None}, COUNT[:0]),
        ({"shape": (0, 4), "strides": (9, 9)}, COUNT[:0]),
        ({"shape": (), "ndim": 0}, COUNT[0, 0]),
        ({"inner_device": (CUDA_MANAGED, 0)}, COUNT),
        ({"deleter": False}, COUNT),
    ],
)
def test_what_dlpack_allows(claims: dict[str, Any], part: np.ndarray) -> None:
    producer = Producer(gpu(COUNT), **claims)
    assert_array_equal(host(Tensor(producer)), part)


def test_read_only_arrays_stay_so() -> None:
    producer = Producer(gpu(COUNT), flags=READ_ONLY)
    assert Tensor(producer).__cuda_array_interface__["data"][1]


@pytest.mark.parametrize(
    ("claims", "error", "message"),
    [
        ({"inner_device": (CPU, 0)}, ValueError, "said to be on a GPU"),
        ({"inner_device": (CUDA, 1)}, ValueError, "on GPU 1; pycnn uses GPU 0"),
        ({"inner_device": (CUDA, -1)}, ValueError, "on GPU -1"),
        ({"dtype": (2, 64, 1)}, TypeError, "expected an array of float32"),
        ({"dtype": (2, 32, 4)}, TypeError, "4 lanes"),
        ({"dtype": (6, 8, 1)}, TypeError, "code 6"),
        ({"ndim": -1}, ValueError, "-1 dimensions"),
        ({"ndim": 2**30}, ValueError, "dimensions"),
        ({"shape": None, "ndim": 2}, ValueError, "no shape"),
        ({"shape": (3, -4)}, ValueError, "negative|-4"),
        ({"shape": (2**40, 2**40)}, OverflowError, "does not fit"),
        ({"shape": (2**40, 2**22)}, OverflowError, "does not fit"),
        ({"strides": (1, 3)}, TypeError, "C-contiguous"),
        ({"strides": (-4, 1)}, TypeError, "C-contiguous"),
        ({"byte_offset": 1, "shape": (2, 4)}, TypeError, "aligned"),
        ({"byte_offset": 4}, ValueError, "address"),
        ({"byte_offset": 2**64 - 2**20}, ValueError, "address"),
        ({"shape": (2**20, 4)}, ValueError, "address"),
        ({"data": None}, ValueError, "null|none"),
        ({"data": COUNT.ctypes.data}, ValueError, "not, or not to its end, in a GPU's memory"),
        ({"data": 2**64 - 16}, ValueError, "address"),
        ({"data": 64}, ValueError, "address"),
        ({"version": (2, 0)}, BufferError, "version 1"),
        ({"version": (0, 8)}, BufferError, "version 1"),
    ],
)
def test_what_cannot_be_a_tensor_is_refused_and_left_alone(
    claims: dict[str, Any], error: type[Exception], message: str
) -> None:
    producer = Producer(gpu(COUNT), **claims)
    with pytest.raises(error, match=message):
        Tensor(producer)
    assert capsule_name(producer.capsule) == b"dltensor_versioned" and producer.deleted == 0


def test_a_capsule_is_taken_once() -> None:
    producer = Producer(gpu(COUNT))
    tensor = Tensor(producer)
    with pytest.raises(ValueError, match="nobody has taken yet; got one named used_dltensor"):
        Tensor(producer)
    del tensor
    with pytest.raises(ValueError, match="nobody has taken yet"):
        Tensor(producer)
    assert producer.deleted == 1


def test_things_that_are_no_capsule_are_refused() -> None:
    producer = Producer(gpu(COUNT))
    for thing in (None, 3, COUNT, producer):
        producer.capsule = thing
        with pytest.raises(TypeError, match="must return a capsule"):
            Tensor(producer)
    for name in (b"arrow_array", b"dltensor2", None):
        producer.capsule = new_capsule(1, name)
        with pytest.raises(ValueError, match="expected a DLPack capsule"):
            Tensor(producer)


@pytest.mark.parametrize("device", [None, CUDA, (CUDA,), ("2", 0), (2**80, 0), (CUDA, None)])
def test_a_device_that_is_none_is_refused(device: Any) -> None:
    producer = Producer(gpu(COUNT))
    producer.device = device
    with pytest.raises(TypeError, match="__dlpack_device__ must return a pair"):
        Tensor(producer)


def test_a_producers_exception_arrives() -> None:
    class Broken:
        def __dlpack_device__(self) -> tuple[int, int]:
            return CUDA, 0

        def __dlpack__(self, **options: Any) -> Any:
            raise RuntimeError("cannot export an array that needs gradients")

    with pytest.raises(RuntimeError, match="needs gradients"):
        Tensor(Broken())
    with pytest.raises(RuntimeError, match="needs gradients"):
        pycnn.ops.relu(Broken())  # type: ignore[arg-type]


def test_tensors_may_end_in_any_thread() -> None:
    producers = [Producer(gpu(COUNT)) for _ in range(8)]
    tensors = [Tensor(producer) for producer in producers]
    thread = threading.Thread(target=tensors.clear)
    thread.start()
    thread.join()
    assert [producer.deleted for producer in producers] == [1] * 8


# ---- __cuda_array_interface__


def test_the_interface_describes_the_tensor() -> None:
    there = gpu(COUNT)
    interface = there.__cuda_array_interface__
    assert interface["version"] == 3 and interface["stream"] == 1
    assert interface["shape"] == (3, 4) and interface["typestr"] == "<f4"
    assert interface["strides"] is None and interface["data"][1] is False
    assert not hasattr(Tensor(COUNT), "__cuda_array_interface__")


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"version": 2},
        {"strides": (16, 4)},
        {"stream": None},
        {"stream": 2},
        {"stream": 0xDEADBEEF},  # whatever it is, it is waited for
        {"mask": None, "descr": [("", "<f4")]},
    ],
)
def test_an_object_with_the_interface_is_taken_without_a_copy(claims: dict[str, Any]) -> None:
    there = gpu(COUNT)
    source = Interface(there, **claims)
    gone = weakref.ref(source)
    tensor = Tensor(source)
    assert address(tensor) == address(there)
    del source
    gc.collect()
    assert gone() is not None  # it has the memory
    assert_array_equal(host(tensor), COUNT)
    del tensor
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("claims", "error", "message"),
    [
        ({"typestr": "<f8"}, TypeError, "float64"),
        ({"typestr": ">f4"}, TypeError, "native byte order"),
        ({"typestr": "O"}, TypeError, "object"),
        ({"typestr": "nonsense"}, TypeError, "nonsense"),
        ({"typestr": None}, TypeError, "bad 'typestr'"),
        ({"shape": None}, TypeError, "bad 'shape'"),
        ({"shape": 12}, TypeError, "bad 'shape'"),
        ({"shape": (3, "4")}, TypeError, "bad 'shape'"),
        ({"shape": (2**80,)}, TypeError, "bad 'shape'"),
        ({"shape": (3, -4)}, ValueError, "-4"),
        ({"shape": (2**20, 4)}, ValueError, "address"),
        ({"strides": (4, 12)}, TypeError, "C-contiguous"),
        ({"strides": (17, 4)}, TypeError, "bad 'strides'"),
        ({"strides": (4,)}, TypeError, "C-contiguous"),
        ({"strides": "no"}, TypeError, "bad 'strides'"),
        ({"data": None}, TypeError, "bad 'data'"),
        ({"data": (None, False)}, TypeError, "bad 'data'"),
        ({"data": (-1, False)}, TypeError, "bad 'data'"),
        ({"data": (0, False)}, ValueError, "null|none"),
        ({"data": (12, False)}, ValueError, "address"),
        ({"data": (COUNT.ctypes.data, False)}, ValueError, "GPU's memory"),
        ({"stream": 0}, TypeError, "bad 'stream'"),
        ({"stream": -1}, TypeError, "bad 'stream'"),
        ({"stream": "main"}, TypeError, "bad 'stream'"),
        ({"mask": COUNT}, TypeError, "mask"),
    ],
)
def test_interfaces_that_cannot_be_a_tensor_are_refused(
    claims: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Tensor(Interface(gpu(COUNT), **claims))


@pytest.mark.parametrize("interface", [None, 3, {}, {"shape": (3,)}])
def test_an_interface_that_is_none_is_refused(interface: Any) -> None:
    source = Interface(gpu(COUNT))
    source.__cuda_array_interface__ = interface
    with pytest.raises(TypeError, match="__cuda_array_interface__"):
        Tensor(source)


# ---- with the real libraries


@pytest.fixture
def real_gpu() -> None:
    if _core.cuda_is_emulated():
        pytest.skip("PyTorch and CuPy know nothing of the emulator's memory")


@pytest.mark.usefixtures("real_gpu")
def test_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    given = torch.arange(12, dtype=torch.float32, device="cuda").reshape(3, 4)
    tensor = Tensor(given)
    assert address(tensor) == given.data_ptr()
    assert_array_equal(host(tensor), COUNT)
    back = torch.from_dlpack(gpu(COUNT))
    assert back.is_cuda and torch.equal(back, given)
    assert torch.equal(torch.as_tensor(gpu(COUNT), device="cuda"), given)
    with torch.cuda.stream(torch.cuda.Stream()):
        big = torch.zeros(2**26, device="cuda")
        for _ in range(50):
            big += 1  # still at work when the tensor is made
        assert set(np.unique(host(Tensor(big)))) == {50.0}
    with pytest.raises(TypeError, match="C-contiguous"):
        Tensor(given.T)


@pytest.mark.usefixtures("real_gpu")
def test_with_cupy() -> None:
    cupy = pytest.importorskip("cupy")
    given = cupy.asarray(COUNT)
    assert address(Tensor(given)) == given.data.ptr
    assert_array_equal(host(Tensor(Interface(Tensor(given)))), COUNT)
    there = gpu(COUNT)
    for back in (cupy.from_dlpack(there), cupy.asarray(there)):
        assert back.data.ptr == address(there)
        assert_array_equal(cupy.asnumpy(back), COUNT)
