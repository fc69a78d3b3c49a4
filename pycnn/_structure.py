"""Several inputs or outputs: their names, and the form in which their data come and go."""

import difflib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any


class Structure:
    """Names in order, and whether users see one item, a list or a dict.

    Args:
        names: of the inputs or outputs.
        form: "one", "list" or "dict".
    """

    def __init__(self, names: Iterable[str], form: str) -> None:
        self._given = names
        self.form = form

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Read when they are first asked for: to hand out one item takes none."""
        return tuple(self._given)

    def pack(self, items: Sequence[Any]) -> Any:
        """Returns items in the form that users see."""
        if self.form == "dict":
            return dict(zip(self.names, items, strict=True))
        return list(items) if self.form == "list" else items[0]

    def spread(self, data: Any, what: str, where: str) -> list[Any]:
        """Returns one item for each name, from one item, a list or a dict.

        Raises:
            ValueError: too many or too few; a name that does not exist or is missing.
            TypeError: neither a list nor a dict where there are several.
        """
        count = len(self.names)
        if isinstance(data, dict):
            for name in data:
                check_known(name, self.names, what, where)
            missing = [name for name in self.names if name not in data]
            if missing:
                raise ValueError(f"{where}{what} has nothing for {', '.join(map(repr, missing))}")
            return [data[name] for name in self.names]
        if count == 1:
            packed = self.form != "one" and isinstance(data, (list, tuple)) and len(data) == 1
            return [data[0] if packed else data]
        names = ", ".join(map(repr, self.names))
        if not isinstance(data, (list, tuple)):
            raise TypeError(
                f"{where}expected {what} as a list or dict of {count} arrays ({names}); received "
                f"{type(data).__name__}"
            )
        if len(data) != count:
            raise ValueError(
                f"{where}expected {count} arrays in {what} ({names}); received {len(data)}"
            )
        return list(data)

    def label(self, index: int, what: str) -> str:
        """The name of one item in messages: ``x``, or ``x['left']`` among several."""
        return what if len(self.names) == 1 else f"{what}[{self.names[index]!r}]"


def form_of(data: Any) -> str:
    """Returns the form of what a user gave: "one", "list" or "dict"."""
    if isinstance(data, dict):
        return "dict"
    return "list" if isinstance(data, (list, tuple)) else "one"


def check_known(name: Any, known: Sequence[str], what: str, where: str) -> None:
    """Refuses a name that is none of `known`.

    Raises:
        ValueError: with the nearest known name.
    """
    if name in known:
        return
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(
        f"{where}{what} names {name!r}, which does not exist{hint} "
        f"Known: {', '.join(map(repr, known))}"
    )


def listed(data: Any) -> list[Any]:
    """Returns the items of what a user gave, in order."""
    if isinstance(data, dict):
        return list(data.values())
    return list(data) if isinstance(data, (list, tuple)) else [data]
