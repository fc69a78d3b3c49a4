"""Numbers about networks, and what they have learned to see.

Sizes and costs: `output_size`, `unseen`, `parameters`, `multiply_adds`, `receptive_field`,
`conv2d_matrix`. What goes on inside: `activation_maps`, `saliency`, `maximal_input`;
`pycnn.viz` draws them.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycnn import _arrays
from pycnn._checks import finite_float, int_pair, padding_sides, positive_int
from pycnn._names import known_name
from pycnn._probe import (
    Probe,
    as_pixels,
    found_layer,
    score_of,
    single_input,
    value_of,
)
from pycnn._sizes import output_size, same_sides, unseen
from pycnn._summary import receptive_fields
from pycnn.model import Model
from pycnn.ops._single_layer import as_kernel

__all__ = [
    "activation_maps",
    "conv2d_matrix",
    "maximal_input",
    "multiply_adds",
    "output_size",
    "parameters",
    "receptive_field",
    "saliency",
    "unseen",
]

Array = npt.NDArray[np.float32]

#: Most numbers in the result of `conv2d_matrix`: 256 MiB.
_LARGEST_MATRIX = 2**26


def parameters(model: Model, trainable_only: bool = False) -> int:
    """Returns the number of numbers in the weights.

    Args:
        model: with known input shapes.
        trainable_only: whether to leave out what a step does not train.
    """
    return model.count_params(trainable_only)


def multiply_adds(model: Model) -> int:
    """Returns the multiplications, each with its addition, of one image going forward."""
    return sum(node.multiply_adds for node in model._built_graph().nodes)


def receptive_field(model: Model, layer: Any = None) -> tuple[int, int]:
    """Returns how many pixels of the input, height and width, one place of a layer can see.

    A place has all channels of its row and column; of a layer without maps it is one number. From
    the first pixel to the last that it can see when the model predicts:

    - a window (kernel k, stride s) adds k - 1 times the product of the strides before it, the
      lectures' formula. To a window the image has no border: the field may be larger than the
      image, and then reaches into the padding;
    - where branches meet it is what any of them sees;
    - a layer that reads all places (`Dense`, global pooling) sees what they see together, and
      that ends at the image's border.

    Where places do not lie as the pixels do (`Reshape`, `Flatten`, concatenation along height or
    width, branches of different strides), a layer that reads several is taken to read all; one
    written in Python sees the whole input. Of several inputs the one counts that is seen most of.

    Args:
        model: with known input shapes.
        layer: name, place in `Model.layers`, or the layer; None is the one of the first output.

    Raises:
        ValueError: the model does not have the layer.
    """
    fields = receptive_fields(model._built_graph().nodes, len(model.inputs))
    value = model._output_values[0] if layer is None else value_of(model, layer)
    return fields[value]


def conv2d_matrix(
    kernel: npt.ArrayLike,
    input_shape: Sequence[int],
    strides: int | Sequence[int] = 1,
    padding: str | int | Sequence[Any] = "valid",
) -> Array:
    """Returns the matrix that a convolution is: ``matrix @ image.ravel() == conv.ravel()``.

    Most of it is zeros: a row has the kernel's numbers at the pixels that one output sees, and
    the same numbers come again in every row of that kernel. A dense layer with this matrix would
    compute the same, with a weight for every zero.

    Args:
        kernel: ``(kernel height, kernel width, in, filters)``.
        input_shape: ``(height, width, in)``.
        strides: steps in pixels; one integer for both.
        padding: "valid", "same", or zeros as in `pycnn.layers.Conv2D`.

    Returns:
        ``(height' * width' * filters, height * width * in)``.

    Raises:
        ValueError: shapes that do not fit, or a matrix of more than 2^26 numbers.
    """
    numbers = as_kernel(kernel, 4, "conv2d_matrix")
    shape = tuple(positive_int(item, "input_shape") for item in input_shape)
    if len(shape) != 3 or shape[2] != numbers.shape[2]:
        raise ValueError(
            f"kernel {numbers.shape} expects an image (height, width, {numbers.shape[2]}); "
            f"received input_shape {shape}"
        )
    steps = int_pair(strides, "strides")
    rows = _taps(shape[0], numbers.shape[0], steps[0], _sides(padding, shape, numbers, steps, 0))
    columns = _taps(shape[1], numbers.shape[1], steps[1], _sides(padding, shape, numbers, steps, 1))
    filters = numbers.shape[3]
    size = len(rows) * len(columns) * filters * math.prod(shape)
    if size > _LARGEST_MATRIX:
        raise ValueError(
            f"the matrix would have {size:,} numbers, more than {_LARGEST_MATRIX:,}; "
            "take a smaller image"
        )
    matrix = np.zeros((len(rows), len(columns), filters, *shape), np.float32)
    for i, row_taps in enumerate(rows):
        for j, column_taps in enumerate(columns):
            for a, y in row_taps:
                for b, x in column_taps:
                    matrix[i, j, :, y, x, :] = numbers[a, b].T
    return matrix.reshape(-1, math.prod(shape))


def activation_maps(model: Model, x: Any, layers: Any) -> Any:
    """Returns what layers give for images, behind their activations.

    Args:
        model: with known input shapes.
        x: images ``(images, *input_shape)``.
        layers: a layer (its name, place in `Model.layers`, or itself), or a list of them.

    Returns:
        ``(images, *output shape of the layer)``, or a list of such arrays for a list.

    Raises:
        ValueError: the model does not have a layer, or the images do not fit it.
    """
    several = isinstance(layers, (list, tuple))
    values = [value_of(model, layer) for layer in (layers if several else [layers])]
    if not values:
        raise ValueError("activation_maps takes at least one layer")
    maps = Probe(model, values).predict(x)
    return maps if several else maps[0]


def saliency(model: Model, x: Any, classes: Any = None) -> Array:
    """Returns how much each pixel matters for the score of a class.

    It is the size of the gradient of the score, before softmax or another activation, by the
    pixel; of the channels of a pixel the largest. Source: Simonyan, Vedaldi and Zisserman, "Deep
    inside convolutional networks" (2013).

    Args:
        model: with one input; of several outputs the first one counts.
        x: images ``(images, *input_shape)``.
        classes: one number for all images, or one for each; None is the likeliest class of each.

    Returns:
        ``(images, height, width)``, at least 0.

    Raises:
        ValueError: several inputs, an output that is not one score per class, or a class that
            does not exist.
    """
    pixels = as_pixels(model, x)
    probe = Probe(model, [score_of(model, model._output_values[0])])
    if len(probe.shapes[0]) != 1:
        raise ValueError(f"{model._where}gives {probe.shapes[0]}, not one score per class")
    gradients = []
    wanted = _classes(probe, pixels, classes)
    for start in range(0, len(pixels), 32):
        part = pixels[start : start + 32]
        dy = np.zeros((len(part), *probe.shapes[0]), np.float32)
        dy[np.arange(len(part)), wanted[start : start + 32]] = 1
        gradients.append(np.abs(probe.gradient(part, dy)))
    found = np.concatenate(gradients)
    return found.max(axis=-1) if found.ndim == 4 else found


def maximal_input(
    model: Model,
    layer: Any,
    neuron_or_channel: int | Sequence[int],
    steps: int = 100,
    rate: float = 0.02,
    seed: int = 0,
    *,
    blur: float = 0.0,
    decay: float = 0.0,
    limits: tuple[float, float] = (0.0, 255.0),
) -> Array:
    """Returns an image that excites a neuron or a channel as much as gradient ascent can make it.

    From weak noise each step goes up the gradient of what the layer computes before its
    activation, as far as `rate` says whatever the gradient's size; pixels stay within the limits.
    The bare ascent finds patterns that people can hardly read; with some blur and decay, say 0.3
    and 0.05 at a rate of 0.05, only what matters stays. Sources: Erhan, Bengio, Courville and
    Vincent, "Visualizing higher-layer features" (2009); Yosinski and others, "Understanding neural
    networks through deep visualization" (2015), for blur and decay.

    Args:
        model: with one input.
        layer: name, place in `Model.layers`, or the layer.
        neuron_or_channel: of a layer of maps a channel, whose mean is raised, or one neuron
            ``(row, column, channel)``; of any other layer a neuron.
        steps: of the ascent.
        rate: root mean square of a step, as a share of the pixels' range.
        seed: of the noise.
        blur: share of each step's image that is replaced by its blurred form, 0 to 1.
        decay: share by which every step takes the pixels nearer to the least value, 0 to 1.
        limits: least and greatest value of a pixel.

    Returns:
        the image, of the model's input shape.

    Raises:
        ValueError: several inputs, no such layer, neuron or channel, or an option out of its range.
    """
    shape = single_input(model)
    steps, rate = positive_int(steps, "steps", minimum=0), finite_float(rate, "rate")
    blur, decay = _share(blur, "blur"), _share(decay, "decay")
    low, high = (finite_float(limit, "limits") for limit in limits)
    if not low < high:
        raise ValueError(f"limits must rise; received {limits}")
    if blur and len(shape) < 2:
        raise ValueError(f"blur needs images; the model takes {shape}")
    probe = Probe(model, [score_of(model, value_of(model, layer))])
    where = found_layer(model, layer)._where
    direction = _direction(probe.shapes[0], neuron_or_channel, where)[np.newaxis]
    noise = np.random.default_rng(seed).normal(0.5, 0.02, (1, *shape))
    image = (low + (high - low) * noise).astype(np.float32)
    for _ in range(steps):
        gradient = probe.gradient(image, direction)
        size = float(np.sqrt(np.mean(np.square(gradient))))
        if size == 0:  # nothing before the layer lets a change through
            break
        image += np.float32(rate * (high - low) / size) * gradient
        image -= np.float32(decay) * (image - np.float32(low))
        if blur:
            image += np.float32(blur) * (_blurred(image) - image)
        np.clip(image, low, high, out=image)
    result: Array = image[0]
    return result


def _sides(
    padding: Any,
    shape: Sequence[int],
    kernel: Array,
    steps: tuple[int, int],
    axis: int,
) -> tuple[int, int]:
    if not isinstance(padding, str):
        return padding_sides(padding, "", "'valid', 'same', ")[axis]
    if known_name("padding", padding, ("valid", "same")) == "valid":
        return 0, 0
    return same_sides(shape[axis], kernel.shape[axis], steps[axis])


def _taps(n: int, f: int, stride: int, sides: tuple[int, int]) -> list[list[tuple[int, int]]]:
    """For each output place the pairs (tap, pixel) that lie within the image."""
    before, after = sides
    if f > n + before + after:
        raise ValueError(f"a kernel of {f} is larger than the padded image, {n + before + after}")
    starts = range(-before, n + after - f + 1, stride)
    return [[(tap, at + tap) for tap in range(f) if 0 <= at + tap < n] for at in starts]


def _share(value: float, name: str) -> float:
    share = finite_float(value, name)
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be from 0 to 1; received {value}")
    return share


def _blurred(images: Array) -> Array:
    """Each pixel with its neighbours, (1, 2, 1) / 4 along both axes; edges are repeated."""
    for axis in (1, 2):
        n = images.shape[axis]
        before = images.take(np.maximum(np.arange(n) - 1, 0), axis)
        after = images.take(np.minimum(np.arange(n) + 1, n - 1), axis)
        images = (before + 2 * images + after) / np.float32(4)
    return images


def _classes(probe: Probe, pixels: Array, classes: Any) -> npt.NDArray[np.int64]:
    if classes is None:
        likeliest: npt.NDArray[np.int64] = probe.predict(pixels)[0].argmax(axis=1)
        return likeliest
    given = np.asarray(classes)
    wanted = _arrays.labels(np.full(len(pixels), given) if given.ndim == 0 else given, "classes")
    if len(wanted) != len(pixels):
        raise ValueError(f"{len(pixels)} images need as many classes; received {len(wanted)}")
    _arrays.check_range(wanted, probe.shapes[0][0], "classes")
    return wanted


def _direction(shape: tuple[int, ...], chosen: int | Sequence[int], where: str) -> Array:
    """Ones where the layer's output is to grow."""
    direction = np.zeros(shape, np.float32)
    several = isinstance(chosen, Sequence) or np.ndim(chosen) == 1
    place = tuple(chosen) if several else (chosen,)  # type: ignore[arg-type]
    place = tuple(positive_int(item, "neuron_or_channel", where, minimum=0) for item in place)
    limits = shape if len(place) == len(shape) else shape[-1:]
    if len(place) != len(limits) or any(a >= b for a, b in zip(place, limits, strict=True)):
        raise ValueError(f"{where}gives {shape}; it has no neuron or channel {chosen!r}")
    direction[place if len(place) == len(shape) else (..., place[0])] = 1
    return direction
