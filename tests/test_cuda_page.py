"""docs/cuda.md counts the kernels of LeNet-5's step: the same numbers, from the layers' shapes."""

import re
from pathlib import Path

import pytest

import pycnn
from pycnn import _core

PAGE = (Path(__file__).parents[1] / "docs" / "cuda.md").read_text()
BATCH, TWINS = 64, 2
BLOCKS = BATCH * TWINS
FLOAT, INT64 = 4, 8

#: (inputs, outputs) of the dense layers; whether a block of `images` keeps a copy of the weights.
DENSES, RESIDENT = [(400, 120), (120, 84), (84, 10)], [True, False, True]
#: (pixels of the pooled output, weights of one output, outputs) of the convolutions.
CONVS = [(14 * 14, 25, 6), (5 * 5, 150, 16)]
#: Every array of weights begins at a multiple of so many floats.
LANES = 16


def up(value: int, to: int) -> int:
    return -(-value // to) * to


DENSE_WEIGHTS = sum(inputs * outputs for inputs, outputs in DENSES)
CONV_WEIGHTS = sum((taps + 1) * outputs for _, taps, outputs in CONVS)
CONV_FLOATS = sum(up(taps * outputs, LANES) + up(outputs, LANES) for _, taps, outputs in CONVS)
WEIGHTS = CONV_WEIGHTS + DENSE_WEIGHTS + sum(outputs for _, outputs in DENSES)
FLAT = CONV_FLOATS + sum(up(i * o, LANES) + up(o, LANES) for i, o in DENSES)
# Rows of a layer's inputs, with a 1 for the bias, and of its output gradients.
ROWS = [(up(inputs + 1, 4), up(outputs, 4)) for inputs, outputs in DENSES]
SAVED = BATCH * sum(x + dz for x, dz in ROWS)


def images() -> dict[str, int]:
    forward = sum(4 * places * taps * outputs for places, taps, outputs in CONVS)
    both = forward + 2 * DENSE_WEIGHTS
    weight_gradients = sum(places * taps * outputs for places, taps, outputs in CONVS)
    places, _, outputs = CONVS[1]
    patches = places * outputs * CONVS[0][2] * 6 * 6  # 5x5 taps, shifted by 0 or 1
    copied = sum(i * o * (1 if kept else 2) for (i, o), kept in zip(DENSES, RESIDENT, strict=True))
    biases = sum(outputs for _, outputs in DENSES)
    pixels, place = 28 * 28, 2 * INT64  # in the order, and the label
    return {
        "blocks": BLOCKS,
        "threads of a block": 512,
        "operations": 2 * BATCH * (TWINS * both + weight_gradients + patches),
        "bytes read, each once": WEIGHTS * FLOAT + BATCH * (pixels + place),
        "bytes written": SAVED * FLOAT + BATCH * (CONV_WEIGHTS * FLOAT + 2 * FLOAT),
        "bytes read by all blocks together": BLOCKS
        * ((copied + CONV_WEIGHTS + biases) * FLOAT + pixels + place),
    }


def gradient() -> dict[str, int]:
    tiles = [(-(-(i + 1) // 16), -(-o // 32)) for i, o in DENSES]
    parts = BATCH * CONV_FLOATS
    # A row of tiles reads all output gradients, a column of them all inputs.
    by_tiles = BATCH * sum(
        across * x + down * dz for (x, dz), (down, across) in zip(ROWS, tiles, strict=True)
    )
    return {
        "blocks": sum(down * across for down, across in tiles) + -(-CONV_FLOATS // 32),
        "threads of a block": 256,
        "shared memory of a block, bytes": 8 * 16 * 32 * FLOAT,
        "operations": 2 * BATCH * sum(x * dz for x, dz in ROWS) + parts,
        "bytes read, each once": (SAVED + parts) * FLOAT,
        "bytes written": (CONV_FLOATS + sum((i + 1) * o for i, o in DENSES)) * FLOAT,
        "bytes read by all blocks together": (by_tiles + parts) * FLOAT,
    }


def update() -> dict[str, int]:
    results = BATCH * 2 * FLOAT
    return {
        "blocks": 1 + -(-FLAT // 256),
        "threads of a block": 256,
        "operations": 7 * FLAT,
        "bytes read, each once": 3 * FLAT * FLOAT + results,
        "bytes written": 2 * FLAT * FLOAT,
        "bytes read by all blocks together": 3 * FLAT * FLOAT + results,
    }


def row(name: str) -> list[str]:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip().replace(",", "") for cell in line.strip("|").split("|")[1:]]


@pytest.mark.parametrize("kernel", [0, 1, 2], ids=["images", "gradient", "update"])
def test_the_page_counts_what_the_shapes_say(kernel: int) -> None:
    counted = [images(), gradient(), update()][kernel]
    assert {name: row(name)[kernel] for name in counted} == {
        name: str(value) for name, value in counted.items()
    }
    operations, read, written = (
        counted[name] for name in ("operations", "bytes read, each once", "bytes written")
    )
    times = {
        "microseconds for the operations at 67 TFLOP/s": operations / 67e6,
        "microseconds for the bytes, each once, at 4.8 TB/s": (read + written) / 4.8e6,
    }
    assert [row(name)[kernel] for name in times] == [f"{time:.2f}" for time in times.values()]


def test_the_layers_are_those_of_the_zoo() -> None:
    assert pycnn.models.lenet5().count_params() == WEIGHTS


@pytest.mark.cuda
@pytest.mark.skipif(not _core.cuda_is_emulated(), reason="the emulator has an H200's limit")
def test_the_page_has_the_shared_memory_of_the_plan() -> None:
    model = pycnn.models.lenet5(device="cuda")
    model.compile("sgd", "sparse_categorical_crossentropy")
    found = re.search(r"(\d+) bytes of shared memory for an image", model.plan_report())
    assert found and row("shared memory of a block, bytes")[0] == found[1]
