"""From the outputs of a model back to its inputs: which calls it has, and in which order."""

from collections.abc import Sequence

from pycnn.layers.symbolic import Call, Input, SymbolicTensor


def ordered_calls(outputs: Sequence[SymbolicTensor]) -> list[Call]:
    """Returns all calls that the outputs need, inputs first, in the order of Keras.

    The calls farthest from the outputs come first; of those equally far the one that is met first
    on the way back from the outputs. A call's distance is its longest way to an output. So weights
    come in the order in which Keras lists them (keras/src/ops/function.py, map_graph).
    """
    finished, rank = _walk(outputs)
    depth: dict[Call, int] = {}
    layer_depth: dict[object, int] = {}
    for call in reversed(finished):  # readers before what they read
        mine = max(depth.get(call, 0), layer_depth.get(call.operation, 0))
        depth[call] = layer_depth[call.operation] = mine
        for before in _producers(call):
            depth[before] = max(mine + 1, depth.get(before, 0))
    return sorted(finished, key=lambda call: (-depth[call], rank[call.operation]))


def check_connected(
    inputs: Sequence[Input], outputs: Sequence[SymbolicTensor], calls: Sequence[Call], where: str
) -> None:
    """Compares the inputs that the outputs need with those that the model has.

    Raises:
        ValueError: an output needs another input, or an input reaches no output; names the layer
            or input.
    """
    readers: dict[SymbolicTensor, str] = {
        tensor: where for tensor in outputs if tensor._call is None
    }
    for call in calls:
        for tensor in call.inputs:
            if tensor._call is None:
                readers.setdefault(tensor, call.operation._where)
    for tensor, reader in readers.items():
        if tensor not in inputs:
            raise ValueError(
                f"{reader}needs an input that the model does not have, {tensor!r}: no input of "
                f"the model reaches it. Inputs of {where.strip()}: {list(inputs)}"
            )
    for item in inputs:
        if item not in readers:
            raise ValueError(f"{where}input {item.name!r} {item.shape} reaches no output")


def _producers(call: Call) -> list[Call]:
    return [tensor._call for tensor in call.inputs if tensor._call is not None]


def _walk(outputs: Sequence[SymbolicTensor]) -> tuple[list[Call], dict[object, int]]:
    """Depth first from the outputs: calls behind all that they need, and layers as they are met."""
    finished: list[Call] = []
    rank: dict[object, int] = {}
    seen: set[Call] = set()
    for tensor in outputs:
        stack = [] if tensor._call is None or tensor._call in seen else [tensor._call]
        while stack:
            call = stack[-1]
            if call not in seen:
                seen.add(call)
                rank.setdefault(call.operation, len(rank))
            before = next((item for item in _producers(call) if item not in seen), None)
            if before is not None:
                stack.append(before)
                continue
            finished.append(stack.pop())
    return finished, rank
