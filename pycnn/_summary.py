"""The table that `summary` prints."""

from pycnn import _core
from pycnn._assembly import LayerSpan

_HEADER = ("Layer (type)", "Output shape", "Parameters", "Multiply-adds", "Receptive field")


def summary_lines(name: str, graph: _core.Graph, spans: list[LayerSpan]) -> list[str]:
    """Returns the table's lines: a row per layer, with its activation, and the totals."""
    nodes = graph.nodes
    field = (1, 1)
    rows = [_HEADER]
    for span in spans:
        own = nodes[span.first : span.end]
        field = own[-1].receptive_field if own else field
        rows.append(
            (
                f"{span.layer.name} ({type(span.layer).__name__})",
                str((None, *graph.shape(span.value))),
                f"{sum(node.parameter_count for node in own):,}",
                f"{sum(node.multiply_adds for node in own):,}",
                f"{field[0]} x {field[1]}",
            )
        )
    parameters = sum(node.parameter_count for node in nodes)
    multiply_adds = sum(node.multiply_adds for node in nodes)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    table = [_row(row, widths) for row in rows]
    return [
        f"Model {name!r}, input {(None, *graph.shape(graph.input))}",
        rule,
        table[0],
        rule,
        *table[1:],
        rule,
        f"Parameters: {parameters:,} ({4 * parameters / 1024:,.1f} KiB)",
        f"Multiply-adds: {multiply_adds:,} an image",
    ]


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join(left + right).rstrip()
