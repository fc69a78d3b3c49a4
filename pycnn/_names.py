"""Names that users type: looked up with a suggestion when they are unknown."""

import difflib
import re
from collections.abc import Iterable


def known_name(kind: str, name: str, known: Iterable[str], where: str = "") -> str:
    """Returns the one of `known` that `name` is, whatever the case of its letters.

    Args:
        kind: what the name stands for, e.g. ``"padding"``; for the message.
        name: what the user wrote.
        known: the names there are.
        where: who asks, e.g. ``"[Conv2D 'conv2d'] "``; put before the message.

    Raises:
        TypeError: `name` is not a string.
        ValueError: `name` is unknown; the message has the nearest known one.
    """
    by_lower = {choice.lower(): choice for choice in sorted(known)}
    listed = ", ".join(map(repr, by_lower.values()))
    if not isinstance(name, str):
        like = next(iter(by_lower.values()))
        raise TypeError(f"{where}{kind} must be a name like {like!r}; received {name!r}")
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = f"; did you mean {by_lower[near[0]]!r}?" if near else "."
    raise ValueError(f"{where}unknown {kind} {name!r}{hint} Known: {listed}")


def snake_case(class_name: str) -> str:
    """The name that Keras derives from a class: ``MaxPooling2D`` -> ``max_pooling2d``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", class_name).lower()
