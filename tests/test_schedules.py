"""Learning-rate schedules: worked values, ends, configurations, bad arguments."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_models import dense_model

from pycnn.optimizers import SGD, schedules
from pycnn.optimizers.schedules import (
    CosineDecay,
    ExponentialDecay,
    LearningRateSchedule,
    OneCycle,
    PiecewiseConstantDecay,
    WarmUp,
)

Data = tuple[np.ndarray, np.ndarray]

ROWS: list[tuple[LearningRateSchedule, dict[int, float]]] = [
    (ExponentialDecay(0.1, 10, 0.5), {0: 0.1, 5: 0.1 * math.sqrt(0.5), 10: 0.05, 30: 0.0125}),
    (ExponentialDecay(0.1, 10, 0.5, staircase=True), {0: 0.1, 9: 0.1, 10: 0.05, 29: 0.025}),
    (CosineDecay(0.4, 100), {0: 0.4, 50: 0.2, 100: 0.0, 1000: 0.0, 25: 0.2 * (1 + math.sqrt(0.5))}),
    (CosineDecay(0.4, 100, alpha=0.25), {0: 0.4, 50: 0.25, 100: 0.1, 200: 0.1}),
    (
        CosineDecay(0.1, 100, alpha=0.5, warmup_target=0.5, warmup_steps=8),
        {0: 0.1, 2: 0.2, 8: 0.5, 58: 0.375, 108: 0.25, 109: 0.25},
    ),
    (
        PiecewiseConstantDecay([2, 5], [1.0, 0.5, 0.1]),
        {0: 1.0, 2: 1.0, 3: 0.5, 5: 0.5, 6: 0.1, 99: 0.1},
    ),
    (PiecewiseConstantDecay([], [0.3]), {0: 0.3, 7: 0.3}),
    (
        OneCycle(0.5, 100, warmup=0.2, start=0.1, end=0.02),
        {0: 0.05, 10: 0.275, 20: 0.5, 60: 0.255, 100: 0.01, 101: 0.01},
    ),
    (OneCycle(0.5, 10, warmup=0.0), {0: 0.5, 5: 0.25, 10: 0.0}),
    (WarmUp(0.4, 4), {0: 0.0, 1: 0.1, 3: 0.3, 4: 0.4, 50: 0.4}),
    (
        WarmUp(ExponentialDecay(0.5, 10, 0.5), 5, start=0.1),
        {0: 0.1, 1: 0.18, 5: 0.5, 15: 0.25},
    ),
]


@pytest.mark.parametrize(("schedule", "rates"), ROWS, ids=lambda v: str(v)[:60])
def test_worked_values(schedule: LearningRateSchedule, rates: dict[int, float]) -> None:
    for step, rate in rates.items():
        assert schedule(step) == pytest.approx(rate, abs=1e-12), f"step {step}"


@pytest.mark.parametrize("schedule", [row[0] for row in ROWS], ids=lambda v: str(v)[:60])
def test_configurations_survive_json(schedule: LearningRateSchedule) -> None:
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert again == schedule and type(again) is type(schedule)
    assert [again(step) for step in range(120)] == [schedule(step) for step in range(120)]


def test_a_schedule_drives_the_steps(blobs: Data) -> None:
    """Rate 0 but at steps 4 to 6: the weights move there and nowhere else."""
    model = dense_model(optimizer=SGD(PiecewiseConstantDecay([3, 6], [0.0, 0.1, 0.0])))
    before = model.get_weights()[0]
    moved = []
    for _ in range(9):
        model.train_on_batch(*blobs)
        after = model.get_weights()[0]
        moved.append(bool((after != before).any()))
        before = after
    assert moved == [False] * 4 + [True] * 3 + [False] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExponentialDecay(-0.1, 10, 0.5), r"\[ExponentialDecay\] initial_learning_rate"),
        (lambda: ExponentialDecay(0.1, 0, 0.5), r"\[ExponentialDecay\] decay_steps .*at least 1"),
        (lambda: CosineDecay(0.1, 10, alpha=1.5), r"\[CosineDecay\] alpha .*\[0, 1\]"),
        (lambda: CosineDecay(0.1, 10, warmup_steps=3), r"\[CosineDecay\] .*warmup_target"),
        (lambda: PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "2 values and 2 boundaries"),
        (lambda: PiecewiseConstantDecay([2, 2], [1, 1, 1]), r"boundaries must rise.*\[2, 2\]"),
        (lambda: OneCycle(float("inf"), 10), r"\[OneCycle\] max_rate must be finite"),
        (lambda: OneCycle(0.1, 10, warmup=1.0), r"\[OneCycle\] warmup must leave"),
        (lambda: WarmUp(0.1, 0), r"\[WarmUp\] steps must be at least 1"),
        (lambda: schedules.deserialize({"class_name": "OnCycle", "config": {}}), "'onecycle'"),
    ],
)
def test_bad_arguments(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_arguments_that_are_no_numbers() -> None:
    with pytest.raises(TypeError, match=r"\[OneCycle\] steps must be an integer"):
        OneCycle(0.1, 10.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\[WarmUp\] after must be a number"):
        WarmUp(lambda step: 0.1, 5)  # type: ignore[arg-type]
