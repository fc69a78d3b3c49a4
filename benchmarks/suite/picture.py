"""The ratios of all cases as one picture."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

_FASTER, _SLOWER = "#2a6f97", "#c9622b"


def draw(figures: dict[str, Any], path: Path) -> bool:
    """Bars, networks beside ops; returns False where there is nothing to compare."""
    groups = [(title.capitalize(), _compared(figures[title])) for title in ("networks", "ops")]
    groups = [(title, rows) for title, rows in groups if rows]
    if not groups:
        return False
    tallest = max(len(rows) for _, rows in groups)
    size = (7.5 * len(groups), 1.2 + 0.17 * tallest)
    figure, axes = plt.subplots(1, len(groups), figsize=size, squeeze=False)
    for (title, rows), axis in zip(groups, axes[0], strict=True):
        _bars(axis, title, rows)
    figure.tight_layout(w_pad=5)  # the names of the ops reach out to the left
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return True


def _compared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["ratio"]]


def _bars(axis: Axes, title: str, rows: list[dict[str, Any]]) -> None:
    ratios = [row["ratio"] for row in rows]
    places = range(len(rows))
    colours = [_FASTER if ratio >= 1 else _SLOWER for ratio in ratios]
    # From 1, where both are alike, on a scale where twice and half are equally far.
    axis.barh(places, [ratio - 1 for ratio in ratios], left=1, color=colours, height=0.7)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.tick_params(axis="x", labelsize=8)
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set_yticks(places, [row["case"] for row in rows], fontsize=6)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel("best peer's time / pycnn's time", fontsize=8)
    axis.set_title(title, fontsize=9)
    axis.grid(axis="x", linewidth=0.3)
