"""The table that `summary` prints."""

from collections.abc import Sequence
from typing import Any

from pycnn import _core
from pycnn._assembly import CallSpan
from pycnn._sizes import unseen_by
from pycnn.layers.symbolic import Input, Operation

_HEADER = ("Layer (type)", "Output shape", "Parameters", "Multiply-adds", "Receptive field")


def summary_lines(
    name: str, graph: _core.Graph, inputs: Sequence[Input], spans: Sequence[CallSpan]
) -> list[str]:
    """Returns the table's lines: a row per layer, with its activation, and the totals."""
    nodes = graph.nodes
    chain = _is_chain(inputs, spans)
    rows: list[tuple[str, ...]] = [_HEADER if chain else (*_HEADER, "Connected to")]
    if len(inputs) > 1:
        rows += [
            (f"{item.name} (Input)", str(item.shape), "0", "0", "1 x 1", "") for item in inputs
        ]
    fields = receptive_fields(nodes, len(inputs))
    by_layer: dict[Operation, list[CallSpan]] = {}
    for span in spans:
        by_layer.setdefault(span.call.operation, []).append(span)
    for layer, calls in by_layer.items():
        own = [node for span in calls for node in nodes[span.first : span.end]]
        seen = [fields[value] for value in calls[0].values]
        height, width = max(size[0] for size in seen), max(size[1] for size in seen)
        shapes = [str((None, *graph.shape(value))) for value in calls[0].values]
        row = (
            f"{layer.name} ({type(layer).__name__})",
            ", ".join(shapes),
            f"{sum(node.parameter_count for node in own):,}",
            f"{sum(node.multiply_adds for node in own):,}",
            f"{height} x {width}",
        )
        sources = (tensor._source for span in calls for tensor in span.call.inputs)
        rows.append(row if chain else (*row, ", ".join(sources)))
    return _framed(name, inputs, rows, nodes, _unseen_lines(spans))


def receptive_fields(nodes: Sequence[_core.NodeInfo], inputs: int) -> list[tuple[int, int]]:
    """Returns height and width in pixels of the input, by value of the graph: inputs first."""
    return [(1, 1)] * inputs + [node.receptive_field for node in nodes]


def _unseen_lines(spans: Sequence[CallSpan]) -> list[str]:
    """A line for each layer whose stride does not fit; a layer called twice has one for a size."""
    found = unseen_by([span.call for span in spans])
    lines = [
        f"Unseen: {name} leaves "
        + " and ".join(
            f"{count} {what}{'' if count == 1 else 's'}"
            for count, what in ((rows, "row"), (columns, "column"))
            if count
        )
        + f" at the end of its {height} x {width} input"
        for name, rows, columns, (height, width) in found
    ]
    return list(dict.fromkeys(lines))


def _framed(
    name: str,
    inputs: Sequence[Input],
    rows: list[tuple[str, ...]],
    nodes: Sequence[_core.NodeInfo],
    notes: list[str],
) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    table = [_row(row, widths) for row in rows]
    parameters = sum(node.parameter_count for node in nodes)
    trainable = sum(node.trainable_count for node in nodes)
    split = "" if trainable == parameters else f", {trainable:,} of them trainable"
    return [
        f"Model {name!r}, input {', '.join(str(item.shape) for item in inputs)}",
        rule,
        table[0],
        rule,
        *table[1:],
        rule,
        *notes,
        f"Parameters: {parameters:,} ({4 * parameters / 1024:,.1f} KiB){split}",
        f"Multiply-adds: {sum(node.multiply_adds for node in nodes):,} an image",
    ]


def _is_chain(inputs: Sequence[Input], spans: Sequence[CallSpan]) -> bool:
    """Whether every layer reads what the one before it gives."""
    if len(inputs) > 1:
        return False
    before: Any = inputs[0]
    for span in spans:
        if [tensor._key for tensor in span.call.inputs] != [before]:
            return False
        before = (span.call, 0)
    return True


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    padded = [
        cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
