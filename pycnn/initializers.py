"""Initial weights: names that the native core knows, and Keras's classes for them.

Uniform variants draw from [-limit, limit], normal ones from a normal distribution; fans are
those of Keras (kernel height * width * channels). Sources: Glorot and Bengio (2010); He et al.
(2015).
"""

from pycnn._names import known_name


class Initializer:
    """What fills a weight before training; `name` is what the core calls it."""

    name: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class GlorotUniform(Initializer):
    """Uniform, limit ``sqrt(6 / (fan_in + fan_out))``."""

    name = "glorot_uniform"


class GlorotNormal(Initializer):
    """Normal, deviation ``sqrt(2 / (fan_in + fan_out))``."""

    name = "glorot_normal"


class HeNormal(Initializer):
    """Normal, deviation ``sqrt(2 / fan_in)``."""

    name = "he_normal"


class HeUniform(Initializer):
    """Uniform, limit ``sqrt(6 / fan_in)``."""

    name = "he_uniform"


class Zeros(Initializer):
    """All weights 0."""

    name = "zeros"


class Ones(Initializer):
    """All weights 1."""

    name = "ones"


_CLASSES: tuple[type[Initializer], ...] = (
    GlorotUniform,
    GlorotNormal,
    HeNormal,
    HeUniform,
    Zeros,
    Ones,
)
_NAMES = {cls.name: cls.name for cls in _CLASSES} | {
    cls.__name__.lower(): cls.name for cls in _CLASSES
}


def get(identifier: "str | Initializer | type[Initializer]", where: str = "") -> str:
    """Returns the core's name for an initializer given as name, class or instance.

    Raises:
        ValueError: the name is unknown; the message has the nearest known one.
        TypeError: neither a name nor an initializer.
    """
    if isinstance(identifier, Initializer):
        return identifier.name
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier.name
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        return _NAMES[identifier.lower()]
    return known_name("initializer", identifier, (cls.name for cls in _CLASSES), where)
