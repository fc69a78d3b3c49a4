"""Names that users type: looked up with a suggestion when they are unknown."""

import difflib
import re
from collections.abc import Iterable


def known_name(kind: str, name: str, known: Iterable[str], where: str = "") -> str:
    """Returns `name` in lower case when it is one of `known`.

    Args:
        kind: what the name stands for, e.g. ``"padding"``; for the message.
        name: what the user wrote.
        known: the names there are, in lower case.
        where: who asks, e.g. ``"[Conv2D 'conv2d'] "``; put before the message.

    Raises:
        TypeError: `name` is not a string.
        ValueError: `name` is unknown; the message has the nearest known one.
    """
    choices = sorted(set(known))
    if not isinstance(name, str):
        raise TypeError(f"{where}{kind} must be a name like {choices[0]!r}; received {name!r}")
    if name.lower() in choices:
        return name.lower()
    near = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"{where}unknown {kind} {name!r}{hint} Known: {', '.join(map(repr, choices))}")


def snake_case(class_name: str) -> str:
    """The name that Keras derives from a class: ``MaxPooling2D`` -> ``max_pooling2d``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", class_name).lower()
