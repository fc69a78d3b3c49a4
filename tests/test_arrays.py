"""Data as users have them: converted where that is safe, refused where not."""

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_models import dense_model

from pycnn import _arrays, _core, ops

SMALL = [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "dtype", ["<f4", ">f4", "<f8", ">f8", "f2", "i1", "u2", "<i4", ">i4", "i8"]
)
def test_numbers_become_float32(dtype: str) -> None:
    result = _arrays.numbers(np.array(SMALL, dtype), "x")
    assert result.dtype == np.float32 and result.dtype.isnative
    assert_array_equal(result, SMALL)


def test_uint8_and_bool_stay_bytes() -> None:
    assert _arrays.numbers(np.array(SMALL, np.uint8), "x").dtype == np.uint8
    assert_array_equal(
        _arrays.numbers(np.array([[True, False]]), "x"), np.array([[1, 0]], np.uint8)
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_dense_data_are_not_copied(dtype: type) -> None:
    x = np.ones((4, 3), dtype)
    assert np.shares_memory(_arrays.inputs(x, (3,), "").numpy(), x)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_strided_data_are_copied_right(dtype: type) -> None:
    x = np.arange(48, dtype=dtype).reshape(4, 12)
    for view in (x[:, ::2], x[::-1], np.asfortranarray(x), x.T):
        result = _arrays.numbers(view, "x")
        assert result.flags.c_contiguous
        assert_array_equal(result, view)


def test_unaligned_data_are_copied() -> None:
    raw = b"\0" + np.arange(6, dtype=np.float32).tobytes()
    x = np.frombuffer(raw, np.float32, offset=1)
    assert not x.flags.aligned
    result = _arrays.numbers(x, "x")
    assert result.flags.aligned
    assert_array_equal(result, np.arange(6))


@pytest.mark.parametrize(
    "data",
    [
        np.array([[1, None]], object),
        np.array([["a"]]),
        np.array([[b"a"]]),
        np.array([[1j]]),
        np.array([["2024-01-01"]], "datetime64[D]"),
        None,
        object(),
        "text",
    ],
    ids=lambda data: str(getattr(data, "dtype", type(data).__name__)),
)
def test_what_is_no_number_is_refused(data: object) -> None:
    with pytest.raises(TypeError, match="x"):
        _arrays.numbers(data, "x")


@pytest.mark.parametrize("data", [np.array([[2**24 + 1]]), np.array([[1e39]]), [[1], [2, 3]], []])
def test_numbers_that_do_not_fit_are_refused(data: object) -> None:
    with pytest.raises(ValueError, match="x"):
        _arrays.numbers(data, "x")


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64, np.float32, np.bool_])
def test_labels_become_int64(dtype: type) -> None:
    for shape in ((3,), (3, 1)):
        result = _arrays.labels(np.array([0, 1, 1], dtype).reshape(shape), "y")
        assert result.dtype == np.int64
        assert_array_equal(result, [0, 1, 1])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.5, 1.0], "0.5 at index 0"),
        ([0.0, np.nan], "nan at index 1"),
        (np.eye(3), "categorical_crossentropy"),
        (np.array([2**63], np.uint64), "64 bits"),
        ([], "empty"),
        (3, "shape"),
    ],
)
def test_labels_that_are_none_are_refused(y: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _arrays.labels(y, "y")


def test_one_hot_labels_become_float32() -> None:
    result = _arrays.targets(np.eye(3, dtype=np.int64), "categorical_crossentropy", (3,))
    assert result.dtype == "float32"
    assert_array_equal(result.numpy(), np.eye(3))


def test_a_last_dimension_of_one_may_be_left_out() -> None:
    x = np.zeros((5, 6, 7), np.uint8)
    assert _arrays.inputs(x, (6, 7, 1), "").shape == (5, 6, 7, 1)
    assert _arrays.inputs(x[..., None], (6, 7), "").shape == (5, 6, 7)


def test_other_libraries_arrays_are_taken_without_a_copy() -> None:
    x = np.ones((4, 3), np.float32)

    class Foreign:
        def __dlpack__(self, **options: object) -> object:
            return x.__dlpack__()

        def __dlpack_device__(self) -> tuple[int, int]:
            return x.__dlpack_device__()

    for data in (Foreign(), memoryview(x), _core.Tensor(x)):
        assert np.shares_memory(_arrays.inputs(data, (3,), "").numpy(), x)


@pytest.mark.skipif(_core.cuda_is_available(), reason="there is a GPU")
def test_without_a_gpu_its_arrays_are_refused() -> None:
    class Dlpack:
        def __dlpack__(self, **options: object) -> object:
            raise AssertionError("asked for what nobody can use")

        def __dlpack_device__(self) -> tuple[int, int]:
            return 2, 0

    class Interface:
        __cuda_array_interface__: ClassVar[dict[str, object]] = {}

    tensor = _core.Tensor(np.ones((4, 3), np.float32))
    with pytest.raises(RuntimeError, match="device 'cuda'"):
        tensor.to("cuda")
    assert tensor.to("cpu") is tensor and tensor.to("auto") is tensor
    for data in (Dlpack(), Interface()):
        with pytest.raises(RuntimeError, match="device 'cuda'"):
            _core.Tensor(data)
        with pytest.raises(RuntimeError, match="device 'cuda'"):
            _arrays.inputs(data, (3,), "")
    with pytest.raises(BufferError):
        tensor.__dlpack__(dl_device=(2, 0))


def test_views_and_copies_of_a_tensor() -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    tensor = _core.Tensor(x)
    assert_array_equal(tensor.reshape((2, 6)).numpy(), x.reshape(2, 6))
    assert np.shares_memory(tensor.rows(1, 2).numpy(), x)
    assert_array_equal(tensor.rows(1, 2).numpy(), x[1:])
    copy = tensor.clone().numpy()
    assert_array_equal(copy, x)
    assert not np.shares_memory(copy, x)
    assert _core.gpu_tensor(tensor) is None and _core.gpu_tensor(x) is None


def test_user_data_are_left_alone(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = (part.copy() for part in blobs)
    x.flags.writeable = y.flags.writeable = False
    before = x.copy(), y.copy()
    dense_model().fit(x, y, batch_size=10, epochs=2, verbose=0)
    assert_array_equal(x, before[0])
    assert_array_equal(y, before[1])


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2"])
def test_every_way_to_give_data_trains_alike(
    blobs: tuple[np.ndarray, np.ndarray], dtype: str
) -> None:
    x = blobs[0].astype("f2").astype("f4")
    ways = [(x, blobs[1]), (np.asfortranarray(x.astype(dtype)), blobs[1].astype("f8")[:, None])]
    losses = []
    for images, labels in ways:
        model = dense_model()
        model.set_weights([np.full(weight.shape, 0.1) for weight in model.get_weights()])
        losses.append(model.evaluate(images, labels, verbose=0))
    assert losses[0] == losses[1]


def test_masked_elements_are_refused() -> None:
    masked = np.ma.masked_invalid(np.array([[1.0, np.nan]]))
    for convert in (_arrays.numbers, _arrays.labels, _arrays.float32):
        with pytest.raises(ValueError, match=r"x has masked elements.*x\.filled\(0\)"):
            convert(masked, "x")
    assert_array_equal(_arrays.numbers(masked.filled(2.0), "x"), [[1.0, 2.0]])
    assert_array_equal(_arrays.numbers(np.ma.array([[1.0, 3.0]]), "x"), [[1.0, 3.0]])


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (None, TypeError, "x is missing"),
        (np.array([1.0, None]), TypeError, "dtype object"),
        ([1e300], ValueError, "1e\\+300, which is out of float32's range"),
        ([2**24 + 1], ValueError, "float32 cannot hold"),
        ([1j], TypeError, "dtype complex"),
        (np.ma.masked_equal([1.0, 2.0], 2.0), ValueError, "masked"),
    ],
)
def test_ops_refuse_what_fit_refuses(value: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        ops.relu(value)
    with pytest.raises(error, match=message.replace("x ", "dy ")):
        ops.relu_backward(value, np.zeros(2))


def test_what_is_ready_is_read_in_place_and_all_else_is_converted():
    shape = (2, 3)
    x = np.arange(24, dtype="float32").reshape(4, 2, 3)
    assert _arrays.is_ready(x, shape)
    assert _arrays.is_ready(x.astype("uint8"), shape)
    others = (
        x.tolist(),
        x[:0],
        x[0],
        x[:, ::-1],
        x.astype("float64"),
        x.astype(">f4"),
        x[..., None],
        np.ma.MaskedArray(x, mask=True),
    )
    assert not any(_arrays.is_ready(other, shape) for other in others)
