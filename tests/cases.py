"""The table of cases: each row yields parity tests of an op's forward and backward.

Whoever adds an op adds it to OPS (case_rows/case.py) and gives it rows in CASES, by a function in
the file of its subject; tests/ops/test_coverage.py fails until both are there. A row says how to
make the op's inputs; `dy` is drawn by the tests, in the shape of the reference's output.
"""

from case_rows.augmentation import augment_cases
from case_rows.case import BATCHES, OPS, SHAPES, Arrays, Case, Draw, Op, floats_from, integers_from
from case_rows.convolution import (
    ASYMMETRIC,
    conv,
    conv_cases,
    depthwise,
    depthwise_cases,
    sparse_conv_cases,
)
from case_rows.core import dense, dense_cases
from case_rows.elementwise import dropout_cases, unary, unary_cases
from case_rows.losses import classification, loss_cases, mse
from case_rows.merge import add, concatenate, merge_cases
from case_rows.normalization import batch_norm, batch_norm_cases, local_response_cases
from case_rows.optimizers import adaptive, adaptive_cases, sgd, sgd_cases
from case_rows.pooling import global_pool, global_pool_cases, pool, pool_cases
from case_rows.reshaping import moved, shape_cases, zero_pad

__all__ = [
    "ASYMMETRIC",
    "BATCHES",
    "CASES",
    "OPS",
    "SHAPES",
    "Arrays",
    "Case",
    "Draw",
    "Op",
    "adaptive",
    "add",
    "batch_norm",
    "classification",
    "concatenate",
    "conv",
    "dense",
    "depthwise",
    "floats_from",
    "global_pool",
    "integers_from",
    "moved",
    "mse",
    "pool",
    "rows",
    "sgd",
    "unary",
    "zero_pad",
]

CASES = [
    *conv_cases(),
    *sparse_conv_cases(),
    *depthwise_cases(),
    *pool_cases("max_pool2d"),
    *pool_cases("avg_pool2d"),
    *global_pool_cases("global_avg_pool2d"),
    *global_pool_cases("global_max_pool2d"),
    *dense_cases(),
    *shape_cases(),
    *merge_cases(),
    *batch_norm_cases(),
    *unary_cases(),
    *local_response_cases(),
    *dropout_cases(),
    *augment_cases(),
    *loss_cases(),
    *sgd_cases(),
    *adaptive_cases(),
]


def rows(op: str) -> list[Case]:
    return [case for case in CASES if case.op == op]
