"""Where the boxes and lines of a model diagram go: ranks from the inputs down, no line in a box."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pycnn.layers.symbolic import Input, SymbolicTensor
from pycnn.model import Model


@dataclass(eq=False)
class Box:
    """A layer or input; or, without text, a place where a line passes a rank.

    Attributes:
        title: the layer's name and class, or "" for a line.
        detail: its output shape and weights.
        kind: the class, for the colour.
        x: middle, in widths of a box.
        rank: row, from above.
    """

    title: str
    detail: str
    kind: str
    rank: int
    above: list["Box"] = field(default_factory=list)
    x: float = 0.0

    @property
    def origin(self) -> "Box":
        """The layer where a line begins; a layer itself."""
        return self if self.title else self.above[0].origin

    @property
    def width(self) -> float:
        """The room that it takes, in widths of a box."""
        return 1.0 if self.title else 0.25


_GAP = 0.12


def laid_out(model: Model) -> list[list[Box]]:
    """Returns the rows of boxes, each with its place and the boxes above that it is linked to."""
    made = _boxes(model)
    rows: list[list[Box]] = [[] for _ in range(1 + max(box.rank for box in made))]
    for box in made:
        box.above = [_passed_down(parent, box.rank, rows) for parent in box.above]
        rows[box.rank].append(box)
    for row in rows:
        _place(row)
    return rows


def _boxes(model: Model) -> list[Box]:
    nodes = model._built_graph().nodes
    by_tensor: dict[object, Box] = {}
    made: list[Box] = []
    for item in model.inputs:
        by_tensor[item] = Box(item.name, _shape([item]), "Input", 0)
        made.append(by_tensor[item])
    for span in model._spans:
        above = list(dict.fromkeys(by_tensor[tensor._key] for tensor in span.call.inputs))
        layer = span.call.operation
        shapes = [model._built_graph().shape(value) for value in span.values]
        weights = sum(node.parameter_count for node in nodes[span.first : span.end])
        detail = ", ".join(" x ".join(map(str, shape)) for shape in shapes)
        if weights:
            detail += f", {weights:,} weights"
        kind = type(layer).__name__
        rank = 1 + max(box.rank for box in above)
        box = Box(f"{layer.name} ({kind})", detail, kind, rank, above)
        by_tensor |= {(span.call, index): box for index in range(len(span.values))}
        made.append(box)
    return made


def _shape(tensors: Iterable[SymbolicTensor | Input]) -> str:
    return ", ".join(" x ".join(map(str, tensor.image_shape)) for tensor in tensors)


def _passed_down(parent: Box, rank: int, rows: list[list[Box]]) -> Box:
    """The end of a line from `parent` to the row above `rank`; one line for all that it meets."""
    while parent.rank < rank - 1:
        below = next(
            (box for box in rows[parent.rank + 1] if not box.title and box.above == [parent]), None
        )
        if below is None:
            below = Box("", "", "", parent.rank + 1, [parent])
            rows[below.rank].append(below)
        parent = below
    return parent


def _place(row: list[Box]) -> None:
    """Each box under the middle of those above it, as near as its neighbours allow."""
    wish: dict[Box, float] = {}
    for number, box in enumerate(row):
        # A layer stands below the layers that it reads, however their lines come to it.
        above = [parent.origin if box.title else parent for parent in box.above]
        wish[box] = sum(parent.x for parent in above) / len(above) if above else float(number)
    # Lines go to the right of a layer with the same wish, so that a trunk stays straight.
    ordered = sorted(row, key=lambda box: (round(wish[box], 6), not box.title))
    edge = float("-inf")
    for box in ordered:
        box.x = max(wish[box], edge + _GAP + box.width / 2)
        edge = box.x + box.width / 2
    firm = [box for box in row if box.title] or row
    shift = sum(wish[box] - box.x for box in firm) / len(firm)
    for box in row:
        box.x += shift
