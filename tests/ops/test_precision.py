"""set_float32_precision: on a GPU, what convolutions and dense layers multiply is rounded first."""

import bounds
import cases
import numpy as np
import pytest
import reference

import pycnn
from pycnn import layers, ops

pytestmark = [pytest.mark.cuda, pytest.mark.usefixtures("gpu")]


@pytest.fixture(params=["tf32", "bf16"])
def precision(request):
    pycnn.set_float32_precision(request.param)
    yield request.param
    pycnn.set_float32_precision("float32")


def rounded(x: np.ndarray, precision: str) -> np.ndarray:
    """x in numbers of 11 bits (tf32, ties away from 0) or 8 bits (bf16, ties to even)."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    if precision == "tf32":
        bits = (bits + 0x1000) & 0xFFFFE000
    else:
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return bits.astype(np.uint32).view(np.float32)


CASES = [
    cases.dense(17, 37, 21),
    cases.dense(64, 400, 120),  # sums in parts
    cases.conv(3, (9, 8), (8, 36), (3, 3), padding="same"),
    cases.conv(2, (7, 6), (3, 5), (3, 2), strides=2, padding=((1, 0), (2, 1))),
    cases.conv(2, (8, 9), (6, 8), (2, 3), dilation=(2, 1), groups=2),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_factors_are_rounded_and_nothing_else(case, precision):
    arrays = case.arrays(integers=False)
    factors = {
        name: array if name == "bias" else rounded(array, precision)
        for name, array in arrays.items()
    }
    forward = [case.forward(factors, reference)]
    assert_within(
        [case.forward(arrays, ops)], forward, bounds.FORWARD[case.op](factors, **case.options)
    )
    backward = list(case.backward(factors, reference))
    backward[2] = case.backward(arrays, reference)[2]  # the bias's gradient is no product
    limits = bounds.BACKWARD[case.op](factors, **case.options)
    limits[2] = bounds.BACKWARD[case.op](arrays, **case.options)[2]
    assert_within(case.backward(arrays, ops), backward, limits)


def assert_within(got, wanted, limits):
    for a, b, (terms, magnitude) in zip(got, wanted, limits, strict=True):
        assert (np.abs(a - b) <= bounds.allowed(terms, magnitude)).all()


def test_the_largest_tile(precision):
    """Of 128 x 128 sums, where there is one for each of 132 multiprocessors."""
    case = cases.dense(132 * 128, 12, 128)
    arrays = case.arrays(integers=True)
    assert np.array_equal(case.forward(arrays, ops), case.forward(arrays, reference))


class Setting(layers.Layer):
    """The identity, which sets the precision to bf16 in its first batch, as a thread might."""

    def __init__(self, *, sets: bool) -> None:
        super().__init__()
        self.sets = sets

    def forward(self, x: np.ndarray) -> np.ndarray:
        if self.sets:
            pycnn.set_float32_precision("bf16")
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy


def stepped(*, sets: bool) -> tuple[list[bytes], list[bytes]]:
    """Predictions and the weights after a step, the precision being set within each."""
    pycnn.set_random_seed(3)
    model = pycnn.Sequential(
        [pycnn.Input((40,)), layers.Dense(24), Setting(sets=sets), layers.Dense(8)], device="cuda"
    )
    model.compile(pycnn.optimizers.SGD(0.1), "mse")
    x = np.random.default_rng(1).standard_normal((16, 40)).astype(np.float32)
    y = np.zeros((16, 8), np.float32)
    try:
        predictions = [model.predict(x, verbose=0).tobytes()]
        pycnn.set_float32_precision("float32")
        model.fit(x, y, batch_size=16, verbose=0)
        predictions.append(model.predict(x, verbose=0).tobytes())
    finally:
        pycnn.set_float32_precision("float32")
    return predictions, [array.tobytes() for array in model.get_weights()]


def test_it_holds_from_the_beginning_of_a_step_to_its_end():
    predictions, weights = stepped(sets=True)
    plain_predictions, plain_weights = stepped(sets=False)
    assert predictions[0] == plain_predictions[0]
    assert weights == plain_weights
    assert predictions[1] != plain_predictions[1]  # bf16 from the beginning


def test_not_a_number_and_infinity_stay(precision):
    x = np.array([[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 1.0]], np.float32)
    y = ops.dense(x, np.eye(2, dtype=np.float32))
    assert np.isnan(y[0, 0])
    assert y[1:, 0].tolist() == [np.inf, -np.inf]
