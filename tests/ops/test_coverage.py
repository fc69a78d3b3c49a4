"""No op without rows in the table, a bound, a test file and a function in `pycnn.ops`."""

from pathlib import Path

import bounds
import cases
import pytest
import reference

from pycnn import ops

HERE = Path(__file__).parent
HEADERS = HERE.parents[1] / "csrc" / "ops"
NOT_OPS = {
    "padding": "the size rule that convolution and pooling share; tested through them",
    "gradient": "what the rules of the optimizers work on; tested through them",
    "augment_map": "a part of augment: what the host and the GPU compute alike",
    "gather": "between NHWC and the block layout; every forward and backward goes through it",
    "peak": "no op: the multiply-add loop that benchmarks compare with",
}


def test_every_header_has_rows():
    stems = {path.stem for path in HEADERS.glob("*.h")}
    assert stems, f"no headers in {HEADERS}"
    assert stems - set(NOT_OPS) == {cases.OPS[case.op].header for case in cases.CASES}


def test_every_op_has_kernels_for_every_device():
    # Views of the same elements: no kernel on any device.
    stems = {case_op.header for case_op in cases.OPS.values()} - {"flatten", "reshape"}
    for folder, suffix in (("cpu", ".cpp"), ("cuda", ".cu")):
        missing = {stem for stem in stems if not (HEADERS / folder / f"{stem}{suffix}").is_file()}
        assert not missing, f"no {folder} kernels for {missing}"


def test_every_public_function_has_rows():
    expected = set(cases.OPS)
    expected |= {f"{op}_backward" for op, spec in cases.OPS.items() if spec.backward_inputs}
    assert set(ops.__all__) == expected
    assert {case.op for case in cases.CASES} == set(cases.OPS)


def test_all_names_every_public_function():
    functions = {
        name
        for name, value in vars(ops).items()
        if callable(value) and getattr(value, "__module__", "").startswith(f"{ops.__name__}.")
    }
    assert {name for name in functions if not name.startswith("_")} == set(ops.__all__)


@pytest.mark.parametrize("op", cases.OPS)
def test_every_op_has_a_reference_a_bound_and_a_test_file(op):
    spec = cases.OPS[op]
    assert callable(getattr(reference, op))
    assert op in bounds.FORWARD
    if spec.backward_inputs is not None:
        assert callable(getattr(reference, f"{op}_backward"))
        assert op in bounds.BACKWARD
    assert (HERE / f"test_{spec.header}.py").is_file()


def test_rows_have_names_of_their_own():
    names = [str(case) for case in cases.CASES]
    assert len(names) == len(set(names))
