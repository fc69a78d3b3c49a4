"""X or O? The lecture's three kernels by hand, then a network that finds its own.

The trickier figures are shifted, scaled and turned.
"""

import numpy as np
from _common import check, options

import pycnn
from pycnn import models


def lecture_kernels():
    """Diagonal, small x and anti-diagonal: +1 on the figure, -1 elsewhere, each divided by 9."""
    diagonal = 2 * np.eye(3) - 1
    anti = diagonal[:, ::-1]
    small_x = np.maximum(diagonal, anti)
    return np.stack([diagonal, small_x, anti], axis=-1)[:, :, None].astype(np.float32) / 9


def main():
    chosen = options(__doc__, epochs=25)
    plain, labels = pycnn.datasets.x_and_o(20, tricky=False)
    x = plain[labels.argmin()][None]
    maps = pycnn.ops.relu(pycnn.ops.conv2d(x, lecture_kernels()))
    pooled = pycnn.ops.max_pool2d(maps, 2, padding="same")
    np.set_printoptions(precision=2, suppress=True)
    for name, channel in zip(("diagonal", "small x", "anti-diagonal"), range(3), strict=True):
        print(f"{name}, convolved, rectified, pooled:\n{pooled[0, :, :, channel]}")

    model = models.x_and_o()
    model.summary()
    model.compile(
        pycnn.optimizers.Adam(0.005), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    train, test = pycnn.datasets.x_and_o(4_000, seed=1), pycnn.datasets.x_and_o(1_000, seed=2)
    model.fit(*train, batch_size=50, epochs=chosen.epochs, verbose=2)
    check(model.evaluate(*test, verbose=0)[1], chosen.target)


if __name__ == "__main__":
    main()
