"""Rows of `cases`: losses."""

import numpy as np

from case_rows.case import BATCHES, SHAPES, Case


def _probabilities(rng, shape) -> np.ndarray:
    """Positive rows that sum to about one, not exactly."""
    p = rng.uniform(0.05, 1.0, shape)
    return (p / p.sum(axis=1, keepdims=True) * rng.uniform(0.9, 1.1)).astype(np.float32)


def classification(op, batch, classes, kind, factor=1.0) -> Case:
    """A row of a cross-entropy; `kind` of labels: "int", "onehot" or "soft"."""

    def make(rng, draw):
        if op == "cross_entropy":
            arrays = {"probabilities": _probabilities(rng, (batch, classes))}
        else:
            arrays = {"logits": draw((batch, classes)) * np.float32(factor)}
        labels = rng.integers(0, classes, batch)
        if kind == "int":
            return arrays | {"labels": labels}
        soft = kind == "soft"
        rows = _probabilities(rng, (batch, classes)) if soft else np.eye(classes)[labels]
        return arrays | {"labels": rows.astype(np.float32)}

    label = f"{batch}x{classes}-{kind}" + ("" if factor == 1.0 else f"-times{factor:g}")
    return Case(op, label, make, exact=False)


def mse(shape) -> Case:
    size = int(np.prod(shape))
    return Case(
        "mean_squared_error",
        "x".join(map(str, shape)),
        lambda rng, draw: {"y_pred": draw(shape), "y_true": draw(shape)},
        exact=size & (size - 1) == 0,
    )


def loss_cases() -> list[Case]:
    cases = [
        classification(op, batch, classes, kind)
        for op in ("softmax_cross_entropy", "cross_entropy")
        for kind in ("int", "onehot", "soft")
        for batch, classes in zip(BATCHES, (10, 3, 2, 17, 26), strict=True)
    ]
    far = [classification("softmax_cross_entropy", 17, 10, "int", f) for f in (100.0, 1e4)]
    wide = [classification("softmax_cross_entropy", 3, 1000, "int")]
    return [
        *cases,
        *far,
        *wide,
        *(mse(shape) for shape in [*SHAPES[1:3], (1, 1), (16, 8), (64, 3)]),
    ]
