"""Sizes of what slides over an image, and what it does not reach."""

from collections.abc import Iterator, Sequence
from typing import Any

from pycnn._checks import positive_int
from pycnn.layers.symbolic import Call


def output_size(n: int, f: int, stride: int = 1, padding: int = 0, exact: bool = False) -> int:
    """Returns the output places of a kernel along one axis: ``(N - F + 2P) / S + 1``.

    Args:
        n: pixels of the image.
        f: pixels of the kernel or window.
        stride: step in pixels.
        padding: zeros at either end.
        exact: whether a stride that does not divide is an error; otherwise it is rounded down,
            as the layers do.

    Raises:
        ValueError: the kernel is larger than the padded image, or with `exact` does not fit.
    """
    n, f, stride, padding = _checked(n, f, stride, padding)
    places, left = divmod(n - f + 2 * padding, stride)
    if exact and left:
        raise ValueError(
            f"does not fit: ({n} - {f} + 2*{padding}) / {stride} + 1 = "
            f"{(n - f + 2 * padding) / stride + 1:.2f} is no whole number"
        )
    return places + 1


def unseen(n: int, f: int, stride: int = 1, padding: int = 0) -> int:
    """Returns the pixels at the end of an axis that no place of the kernel covers.

    Zeros of the padding that stay uncovered do not count.

    Args:
        n: pixels of the image.
        f: pixels of the kernel or window.
        stride: step in pixels.
        padding: zeros at either end.

    Raises:
        ValueError: the kernel is larger than the padded image.
    """
    n, f, stride, padding = _checked(n, f, stride, padding)
    return _unseen(n, f, stride, padding, padding)


def same_sides(n: int, f: int, stride: int) -> tuple[int, int]:
    """Returns the zeros before and after an axis that "same" adds: ``ceil(N / S)`` places."""
    total = max((-(-n // stride) - 1) * stride + f - n, 0)
    return total // 2, total - total // 2


def unseen_by(calls: Sequence[Call]) -> Iterator[tuple[str, int, int, tuple[int, int]]]:
    """Yields name, unseen rows and columns, and input size, of each layer that leaves some."""
    for call in calls:
        layer: Any = call.operation
        if hasattr(layer, "_calls"):
            for name, rows, columns, size in unseen_by(layer._calls):
                yield f"{layer.name}/{name}", rows, columns, size
            continue
        window = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
        shape = call.inputs[0].image_shape
        if window is None or len(shape) != 3:
            continue
        rows, columns = (
            _unseen_by_layer(layer, shape[axis], window[axis], axis) for axis in (0, 1)
        )
        if rows or columns:
            yield layer.name, rows, columns, (shape[0], shape[1])


def _unseen_by_layer(layer: Any, n: int, taps: int, axis: int) -> int:
    stride: int = layer.strides[axis]
    f = (taps - 1) * getattr(layer, "dilation_rate", (1, 1))[axis] + 1
    if layer.padding == "valid":
        before, after = 0, 0
    elif layer.padding == "same":
        before, after = same_sides(n, f, stride)
    else:
        before, after = layer.padding[axis]
    return _unseen(n, f, stride, before, after)


def _unseen(n: int, f: int, stride: int, before: int, after: int) -> int:
    return max((n + before + after - f) % stride - after, 0)


def _checked(n: int, f: int, stride: int, padding: int) -> tuple[int, int, int, int]:
    n, f, stride = (
        positive_int(value, name) for value, name in ((n, "n"), (f, "f"), (stride, "stride"))
    )
    padding = positive_int(padding, "padding", minimum=0)
    if f > n + 2 * padding:
        raise ValueError(f"a kernel of {f} is larger than the image of {n} + 2*{padding} pixels")
    return n, f, stride, padding
