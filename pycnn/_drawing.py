"""How `pycnn.viz` draws: figures without pyplot, grids of pictures, boxes and curves."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pycnn._diagram import Box

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
PathLike = str | os.PathLike[str]

#: Of a figure's title, points.
TITLE_SIZE = 11


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise ImportError(
            'pycnn.viz draws with matplotlib, which is not installed: pip install "pycnn[plot]"'
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def title_width(title: str) -> float:
    """Inches that a title takes, with some room beside it."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), title, size=TITLE_SIZE, prop=FontProperties())
    return float(path.get_extents().width) / 72 + 0.3


def finished(figure: Figure, save: PathLike | None) -> Figure:
    """Writes the figure where `save` says so, and returns it."""
    if save is not None:
        # matplotlib draws up to 65,535 pixels; a very deep model's diagram is made smaller.
        dots = min(130.0, 60_000 / max(figure.get_size_inches()))
        figure.savefig(save, dpi=dots, facecolor="white")
    return figure


def picture_grid(
    pictures: Sequence[Array],
    labels: Sequence[str],
    columns: int,
    title: str,
    save: PathLike | None,
    *,
    limits: tuple[float, float],
    colours: str,
    bar: bool = False,
    row_labels: Sequence[str] = (),
) -> Figure:
    """Pictures ``(height, width, 1 or 3)`` in rows, each with its label above."""
    rows = math.ceil(len(pictures) / columns)
    height, width = pictures[0].shape[:2]
    cell = 0.95
    tall = cell * min(max(height / width, 0.3), 3.0)
    labelled = sum(any(labels[row * columns : (row + 1) * columns]) for row in range(rows))
    figure = new_figure(max(columns * cell + 0.3 + 0.7 * bar, title_width(title), 2.5),
                     rows * (tall + 0.03) + 0.2 * labelled + 0.35)  # fmt: skip
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, picture, label in zip(grid.flat, pictures, labels, strict=False):
        image = draw_picture(axes, picture, label, limits, colours)
    for axes, label in zip(grid[:, 0], row_labels, strict=False):
        axes.set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
    for axes in grid.flat[len(pictures) :]:
        axes.set_axis_off()
    if bar:
        figure.colorbar(image, ax=grid, fraction=0.05, pad=0.02, aspect=25)
    figure.suptitle(title, fontsize=TITLE_SIZE)
    return finished(figure, save)


def bar_chart(name: str, values: Array, save: PathLike | None) -> Figure:
    """One number per neuron."""
    title = f"{name}: {len(values)}"
    figure = new_figure(max(min(max(3.5, 0.3 * len(values)), 10.0), title_width(title)), 2.4)
    axes = figure.subplots()
    axes.bar(range(len(values)), values, width=0.8 if len(values) <= 100 else 1.0)
    if len(values) <= 30:
        axes.set_xticks(range(len(values)))
    axes.set_xlabel("neuron")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_title(title, fontsize=TITLE_SIZE)
    return finished(figure, save)


def draw_picture(
    axes: Axes, picture: Array, label: str, limits: tuple[float, float] | None, colours: str
) -> Any:
    axes.set_xticks([])
    axes.set_yticks([])
    if label:
        axes.set_title(label, fontsize=8, pad=3)
    if picture.shape[2] == 3:
        return axes.imshow(_stretched(picture), interpolation="nearest")
    low, high = limits or (None, None)
    shape = picture.shape[:2]
    aspect: Literal["auto", "equal"] = "auto" if shape[0] * 8 < shape[1] else "equal"
    return axes.imshow(
        picture[:, :, 0], cmap=colours, vmin=low, vmax=high, aspect=aspect, interpolation="nearest"
    )


def _stretched(picture: Array) -> Array:
    """Colours from 0 to 1; pictures of uint8 as they are."""
    if picture.dtype == np.uint8:
        return picture
    low, high = float(picture.min()), float(picture.max())
    result: Array = (picture - low) / max(high - low, 1e-12)
    return result


def as_picture(image: Array) -> Array:
    """An image as (height, width, 1 or 3); of other numbers of channels the mean."""
    if image.ndim == 2:
        return image[:, :, np.newaxis]
    if image.ndim != 3:
        raise ValueError(f"images must be (height, width, channels); received {image.shape}")
    return image if image.shape[2] in (1, 3) else image.mean(axis=2, keepdims=True)


def columns_for(count: int) -> int:
    """For a grid that is wider than tall and has few gaps: 64 in 4 rows of 16, 10 in 2 of 5."""
    middle = max(1, round(math.sqrt(count / 3)))
    rows = min(
        (number for number in (middle, middle - 1, middle + 1) if number > 0),
        key=lambda number: -count % number,
    )
    return math.ceil(count / rows)


_COLOURS = {
    "Input": "#f2f2f2",
    "Conv2D": "#cfe2f7",
    "DepthwiseConv2D": "#cfe2f7",
    "Dense": "#d5ecd0",
    "MaxPooling2D": "#fbdcc4",
    "AveragePooling2D": "#fbdcc4",
    "GlobalMaxPooling2D": "#fbdcc4",
    "GlobalAveragePooling2D": "#fbdcc4",
    "Add": "#e6d8f0",
    "Concatenate": "#e6d8f0",
}


def draw_box(axes: Axes, box: Box, wide: float, tall: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    half = 0.19  # of a box's height
    x, y = box.x * wide, -box.rank * tall
    for parent in box.above:
        start = (parent.x * wide, -parent.rank * tall - half)
        end = (x, y + half)
        style = "-|>" if box.title else "-"
        axes.annotate("", end, start, arrowprops={
            "arrowstyle": style, "color": "#555555", "shrinkA": 0, "shrinkB": 0, "lw": 1,
        })  # fmt: skip
    if not box.title:
        axes.plot([x, x], [y + half, y - half], color="#555555", lw=1)
        return
    axes.add_patch(
        FancyBboxPatch(
            (x - wide / 2 + 0.05, y - half),
            wide - 0.1,
            2 * half,
            boxstyle="round,pad=0,rounding_size=0.06",
            ec="#555555",
            lw=0.8,
            fc=_COLOURS.get(box.kind, "#fff6d6"),
        )
    )
    axes.text(x, y + 0.08, box.title, ha="center", va="center", fontsize=8)
    axes.text(x, y - 0.09, box.detail, ha="center", va="center", fontsize=7, color="#444444")


def draw_curves(axes: Axes, group: str, curves: Mapping[str, Sequence[float]], first: int) -> None:
    from matplotlib.ticker import MaxNLocator

    bases = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
    for name, values in curves.items():
        base = name.removeprefix("val_")
        validation = name != base
        colour = f"C{bases.index(base) if len(bases) > 1 else int(validation)}"
        label = name if len(bases) > 1 else ("validation" if validation else "training")
        axes.plot(
            range(first, first + len(values)), values, color=colour, marker="o", markersize=3.5,
            linestyle="--" if validation else "-", label=label,
        )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(group.replace("_", " "))
    axes.grid(alpha=0.3)
    if len(curves) > 1:
        axes.legend(fontsize=8)
