"""Pictures of networks: what they are, have learned and look at. Needs ``pip install pycnn[plot]``.

Every function returns a `matplotlib.figure.Figure`, which a notebook shows, and writes it to a
file when ``save="picture.png"`` is given; the format comes from the ending. pyplot and its global
state are not touched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pycnn import analysis
from pycnn._diagram import laid_out
from pycnn._drawing import (
    TITLE_SIZE,
    Array,
    PathLike,
    as_picture,
    bar_chart,
    columns_for,
    draw_box,
    draw_curves,
    draw_picture,
    finished,
    new_figure,
    picture_grid,
    title_width,
)
from pycnn._probe import found_layer, sees_pixels, value_of
from pycnn.layers.base import Layer
from pycnn.model import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "activation_maps",
    "confusion_matrix",
    "filters",
    "maximal_inputs",
    "model_diagram",
    "saliency",
    "training_curves",
]


def filters(
    model_or_layer: Model | Layer, *, most: int = 64, save: PathLike | None = None
) -> Figure:
    """Draws kernels: red adds, blue takes away, white is zero.

    Kernels over 3 channels are drawn as coloured pictures instead, each between its least and its
    greatest weight. Other kernels have a row for each input channel and a column for each filter.
    The weights of a dense layer that sees the whole image are drawn as images, one per neuron.

    Args:
        model_or_layer: a layer of a model, or a model, whose first layer with a kernel is meant.
        most: pictures at most; of a kernel with many channels the first ones are drawn.
        save: a file to write.

    Raises:
        ValueError: there is no kernel that can be drawn.
        ImportError: matplotlib is missing.
    """
    layer = _layer_with_kernel(model_or_layer)
    kernel = layer.get_weights()[0]
    if kernel.ndim == 2:
        kernel = _as_images(kernel, model_or_layer, layer)
    height, width, channels, count = kernel.shape
    title = f"{layer.name}: {count} kernels of {height} x {width} x {channels}"
    row_labels: list[str] = []
    if channels in (1, 3):
        pictures = [kernel[..., number] for number in range(min(count, most))]
        labels = [str(number) for number in range(len(pictures))]
        columns = columns_for(len(pictures))
    else:
        columns = min(count, 16, most)
        rows = min(channels, max(most // columns, 1))
        chosen = [(channel, number) for channel in range(rows) for number in range(columns)]
        pictures = [kernel[:, :, channel, number, None] for channel, number in chosen]
        labels = [str(number) if channel == 0 else "" for channel, number in chosen]
        row_labels = [str(channel) for channel in range(rows)]
        title += "; rows: input channels, columns: kernels"
    shown = len(pictures) if channels in (1, 3) else columns * rows
    if shown < count * (1 if channels in (1, 3) else channels):
        title += " (the first ones)"
    limit = max(float(np.abs(np.stack(pictures)).max()), 1e-12)
    return picture_grid(
        pictures,
        labels,
        columns,
        title,
        save,
        limits=(-limit, limit),
        colours="RdBu_r",
        row_labels=row_labels,
    )


def activation_maps(
    model: Model, image: Any, layer: Any, *, most: int = 64, save: PathLike | None = None
) -> Figure:
    """Draws what a layer gives for an image, a picture per channel, all on one scale.

    Args:
        model: with one input.
        image: of the model's input shape, with or without a batch dimension of 1.
        layer: name, place in `Model.layers`, or the layer.
        most: channels at most.
        save: a file to write.

    Raises:
        ValueError: no such layer, or more than one image.
        ImportError: matplotlib is missing.
    """
    name = found_layer(model, layer).name
    maps = analysis.activation_maps(model, _batch_of_one(model, image), layer)[0]
    if maps.ndim == 3:
        pictures = [maps[:, :, [number]] for number in range(min(maps.shape[2], most))]
        columns, count = columns_for(len(pictures)), maps.shape[2]
        labels = [str(number) for number in range(len(pictures))]
    else:
        return bar_chart(name, maps.reshape(-1), save)
    size = " x ".join(map(str, maps.shape))
    title = f"{name}: {size}" + (" (the first ones)" if count > len(pictures) else "")
    low, high = float(maps.min()), float(maps.max())
    limits = (min(low, 0.0), high if high > low else low + 1)
    return picture_grid(
        pictures, labels, columns, title, save, limits=limits, colours="viridis", bar=True
    )


def saliency(
    model: Model, x: Any, classes: Any = None, *, names: Sequence[str] | None = None,
    save: PathLike | None = None,
) -> Figure:  # fmt: skip
    """Draws images, and below each one which of its pixels matter for its class.

    Args:
        model: with one input and one score per class.
        x: up to 16 images ``(images, *input_shape)``.
        classes: one number, or one for each; None is the likeliest class of each.
        names: of the classes.
        save: a file to write.

    Raises:
        ValueError: as `pycnn.analysis.saliency`; or too many images.
        ImportError: matplotlib is missing.
    """
    images = np.asarray(x)
    if len(images) > 16:
        raise ValueError(f"saliency draws up to 16 images; received {len(images)}")
    found = analysis.saliency(model, images, classes)
    if classes is None:
        classes = _first(model.predict(images, verbose=0)).argmax(axis=-1)
    wanted = np.broadcast_to(np.asarray(classes), (len(images),))
    labels = [_class_name(number, names) for number in wanted]
    shown = [as_picture(image) for image in images]
    scaled = [item[:, :, np.newaxis] / max(float(item.max()), 1e-30) for item in found]
    title = "Which pixels matter for the class"
    figure = new_figure(max(1.4 * len(images) + 0.3, title_width(title)), 3.25)
    grid = figure.subplots(2, len(images), squeeze=False)
    for column, label in enumerate(labels):
        draw_picture(grid[0, column], shown[column], label, None, "gray")
        draw_picture(grid[1, column], scaled[column], "", (0.0, 1.0), "inferno")
    figure.suptitle(title, fontsize=TITLE_SIZE)
    return finished(figure, save)


def maximal_inputs(
    model: Model,
    layer: Any,
    neurons: Sequence[int] | None = None,
    *,
    names: Sequence[str] | None = None,
    save: PathLike | None = None,
    **ascent: Any,
) -> Figure:
    """Draws the images that excite neurons of a layer most.

    Of a layer of maps, the neuron in the middle of a channel is taken, and the part of the image
    is drawn that it sees.

    Args:
        model: with one input.
        layer: name, place in `Model.layers`, or the layer.
        neurons: neurons or channels; None is the first 16.
        names: of the neurons, by number; those of the classes for the last layer.
        save: a file to write.
        **ascent: options of `pycnn.analysis.maximal_input`: steps, rate, seed, blur, decay, limits.

    Raises:
        ValueError: as `pycnn.analysis.maximal_input`.
        ImportError: matplotlib is missing.
    """
    operation = found_layer(model, layer)
    shape = model._built_graph().shape(value_of(model, operation))
    middle = [size // 2 for size in shape[:-1]]
    chosen = list(range(min(shape[-1], 16)) if neurons is None else neurons)
    if not chosen:
        raise ValueError("maximal_inputs takes at least one neuron")
    places = [(*middle, number) for number in chosen]
    found = [analysis.maximal_input(model, operation, place, **ascent) for place in places]
    part = _seen_part(model, operation, places)
    pictures = [as_picture(image)[part] for image in found]
    labels = [_class_name(number, names) for number in chosen]
    low, high = ascent.get("limits", (0.0, 255.0))
    title = f"What excites {operation.name} most"
    columns = columns_for(len(pictures))
    return picture_grid(pictures, labels, columns, title, save, limits=(low, high), colours="gray")


def confusion_matrix(
    matrix: Any, names: Sequence[str] | None = None, *, save: PathLike | None = None
) -> Figure:
    """Draws a confusion matrix: the number of images, coloured by their share of the row.

    Args:
        matrix: ``(classes, classes)``, e.g. of `pycnn.metrics.confusion_matrix`.
        names: of the classes; None numbers them.
        save: a file to write.

    Raises:
        ValueError: the matrix is not square, or there are not as many names as classes.
        ImportError: matplotlib is missing.
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"a confusion matrix is square; received shape {counts.shape}")
    classes = len(counts)
    given = [str(number) for number in range(classes)] if names is None else list(names)
    if len(given) != classes:
        raise ValueError(f"{classes} classes need as many names; received {len(given)}")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(3.5, 0.55 * classes + 1.6), 16.0)
    figure = new_figure(side + 0.8, side)
    from matplotlib.colors import PowerNorm

    axes = figure.subplots()
    # Not linear: the rare mistakes are what one looks for.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.4, vmin=0, vmax=1))
    ticks, every = range(classes), max(1, classes // 40)
    slanted = max(map(len, given)) > 3
    axes.set_xticks(ticks[::every], given[::every], rotation=45 if slanted else 0,
                    ha="right" if slanted else "center")  # fmt: skip
    axes.set_yticks(ticks[::every], given[::every])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    right = np.trace(counts) / max(counts.sum(), 1)
    axes.set_title(f"{counts.sum():,} images, {right:.2%} right", fontsize=TITLE_SIZE)
    if classes <= 30:
        size = 9 if classes <= 26 else 7
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if shares[row, column] > 0.25 else "black"
                axes.text(column, row, f"{count}", ha="center", va="center", color=colour,
                          fontsize=size)  # fmt: skip
    bar = figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.046, pad=0.03)
    bar.set_ticks([0, 0.01, 0.1, 0.3, 0.6, 1], labels=["0", "1 %", "10 %", "30 %", "60 %", "100 %"])
    return finished(figure, save)


def training_curves(history: Any, *, save: PathLike | None = None) -> Figure:
    """Draws losses and metrics by epoch, those of the validation dashed.

    Args:
        history: what `fit` returned, or its ``history`` dict of lists.
        save: a file to write.

    Raises:
        ValueError: no epoch in it.
        ImportError: matplotlib is missing.
    """
    curves: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    first = min(getattr(history, "epoch", None) or [0]) + 1
    if not any(len(values) for values in curves.values()):
        raise ValueError("the history has no epochs")
    groups: dict[str, list[str]] = {}
    for name in curves:
        base = name.removeprefix("val_")
        groups.setdefault("loss" if base.endswith("loss") else base, []).append(name)
    columns = min(len(groups), 3)
    rows = math.ceil(len(groups) / columns)
    figure = new_figure(4.6 * columns, 3.3 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (group, members) in zip(grid.flat, groups.items(), strict=False):
        draw_curves(axes, group, {name: curves[name] for name in members}, first)
    for axes in grid.flat[len(groups) :]:
        axes.set_axis_off()
    return finished(figure, save)


def model_diagram(model: Model, *, save: PathLike | None = None) -> Figure:
    """Draws the layers as boxes, inputs above, with the sizes of what they hand on.

    Args:
        model: with known input shapes.
        save: a file to write.

    Raises:
        ImportError: matplotlib is missing.
    """
    rows = laid_out(model)
    boxes = [box for row in rows for box in row]
    longest = max(len(text) for box in boxes for text in (box.title, box.detail))
    wide, tall = max(0.078 * longest + 0.2, 1.6), 0.62
    left = min(box.x - box.width / 2 for box in boxes) * wide - 0.1
    right = max(box.x + box.width / 2 for box in boxes) * wide + 0.1
    title = f"{model.name}: {model.count_params():,} weights"
    margin = max(title_width(title) - (right - left), 0.0) / 2
    figure = new_figure(right - left + 2 * margin + 0.1, len(rows) * tall + 0.35)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(left - margin, right + margin)
    axes.set_ylim(-len(rows) * tall + 0.3, 0.3)
    axes.set_title(title, fontsize=TITLE_SIZE)
    for box in boxes:
        draw_box(axes, box, wide, tall)
    return finished(figure, save)


def _seen_part(model: Model, layer: Any, places: Sequence[tuple[int, ...]]) -> tuple[slice, slice]:
    """The rows and columns of the image on which any of the neurons depends."""

    def after(steps: int, place: tuple[int, ...]) -> Array:
        return as_picture(analysis.maximal_input(model, layer, place, steps))

    start = after(0, places[0])
    changed = np.any([after(1, place) != start for place in places], axis=(0, 3))
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(None), slice(None)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _layer_with_kernel(given: Model | Layer) -> Any:
    candidates = given.layers if isinstance(given, Model) else [given]
    for layer in candidates:
        if hasattr(layer, "kernel_size") or hasattr(layer, "units"):
            return layer
    raise ValueError(f"{given._where}has no kernels to draw")


def _as_images(kernel: Array, given: Model | Layer, layer: Any) -> Array:
    """Weights of neurons that see the image, as kernels of its size."""
    model = given if isinstance(given, Model) else (layer._model and layer._model())
    shape = model.inputs[0].image_shape if model is not None and model.inputs else ()
    if (
        model is None
        or len(shape) not in (2, 3)
        or math.prod(shape) != kernel.shape[0]
        or not sees_pixels(model, layer)
    ):
        raise ValueError(
            f"{layer._where}has {kernel.shape[0]} weights a neuron, which are no image; draw a "
            "convolution, or a dense layer that sees the whole image"
        )
    height, width, *channels = shape
    return kernel.reshape(height, width, *(channels or [1]), kernel.shape[1])


def _batch_of_one(model: Model, image: Any) -> Array:
    array = np.asarray(image)
    model._built_graph()
    shape = model.inputs[0].image_shape
    without_channel = shape[:-1] if shape[-1:] == (1,) else shape
    if array.shape in (shape, without_channel):
        array = array[np.newaxis]
    if len(array) != 1:
        raise ValueError(f"activation_maps draws one image; received {len(array)}")
    return array


def _class_name(number: Any, names: Sequence[str] | None) -> str:
    return str(int(number)) if names is None else str(names[int(number)])


def _first(outputs: Any) -> Array:
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    result: Array = outputs[0] if isinstance(outputs, list) else outputs
    return result
