"""Pictures that change from step to step, so that a network sees more than it is given."""

from collections.abc import Sequence
from typing import Any

from pycnn._checks import boolean, finite_float, float32_number, int_pair
from pycnn._core import Graph
from pycnn.layers.base import Layer


class Augmentation(Layer):
    """In training moves, turns, scales, mirrors and brightens each picture at random.

    For pictures ``(height, width, channels)``. Everything is off by default and is drawn anew for
    each picture and step, evenly within its range: the picture is mirrored, turned and scaled
    around its centre, shifted, and a window is cut from it. All of this is one affine map, between
    pixels the four nearest are blended (bilinear), and what comes from outside the picture is
    `fill`. Shifts, windows and mirroring alone copy pixels exactly. Last, brightness is added.

    What is drawn follows the model's seed, the layer, the number of the training step and the
    picture's place in the batch, whatever the number of threads. In `evaluate` and `predict` the
    layer changes nothing; with `crop` it gives the window in the middle.

    `brightness` and `fill` are in units of the values that reach the layer: for pixels of 0 to 255
    behind ``Rescaling(1 / 255)`` of 1, before it of 255. Values are not clipped. Before and behind
    such a Rescaling the layer costs no pass of its own when it is at the model's input: it is done
    while the batch is gathered.

    Args:
        shift: at most so many whole pixels up or down and left or right, a number or
            ``(vertical, horizontal)``.
        padding: pixels of `fill` on each side of the picture that `crop` is cut from, a number or
            ``(vertical, horizontal)``; only with `crop`.
        crop: size of a random window, a number or ``(height, width)``; None is the whole picture.
            ``padding=4, crop=32`` is the usual recipe for CIFAR's pictures of 32 x 32.
        horizontal_flip: mirrors every other picture, left to right; not for digits and letters.
        rotation: at most so many degrees either way, up to 180.
        scale: ``(low, high)`` factors of the size; a number f stands for ``(1 - f, 1 + f)``.
        brightness: at most so much is added to or taken from all values of a picture.
        fill: value of what is outside the picture.
        input_shape: shape of one picture, for the first layer of a model.
        name: unique within the model.

    Raises:
        ValueError: an option is out of its range. When the layer is added: the input is no picture,
            the crop does not fit, or some draw could leave nothing of the picture.
    """

    def __init__(
        self,
        shift: int | Sequence[int] = 0,
        padding: int | Sequence[int] = 0,
        crop: int | Sequence[int] | None = None,
        horizontal_flip: bool = False,
        rotation: float = 0.0,
        scale: float | Sequence[float] = (1.0, 1.0),
        brightness: float = 0.0,
        fill: float = 0.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name)
        self.shift = int_pair(shift, "shift", self._where, minimum=0)
        self.padding = int_pair(padding, "padding", self._where, minimum=0)
        self.crop = None if crop is None else int_pair(crop, "crop", self._where)
        self.horizontal_flip = boolean(horizontal_flip, "horizontal_flip", self._where)
        self.rotation = finite_float(rotation, "rotation", self._where)
        self.scale = _scale_range(scale, self._where)
        self.brightness = float32_number(brightness, "brightness", self._where)
        self.fill = float32_number(fill, "fill", self._where)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**self._options(), **super().get_config()}

    def _options(self) -> dict[str, Any]:
        return {
            "shift": self.shift,
            "padding": self.padding,
            "crop": self.crop,
            "horizontal_flip": self.horizontal_flip,
            "rotation": self.rotation,
            "scale": self.scale,
            "brightness": self.brightness,
            "fill": self.fill,
        }

    def _add_to(self, graph: Graph, value: int) -> int:
        return graph.augment(value, **self._options(), name=self.name)


def _scale_range(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, (Sequence, int, float)) and hasattr(value, "tolist"):
        value = value.tolist()  # NumPy's scalars and arrays
    pair = isinstance(value, Sequence) and not isinstance(value, str)
    if pair and len(value) == 2:
        low, high = (finite_float(item, "scale", where) for item in value)
        return low, high
    spread = -1.0 if pair else finite_float(value, "scale", where)
    if not 0 <= spread < 1:
        raise ValueError(
            f"{where}scale must be a pair (low, high), or a number f from 0 to below 1 that stands "
            f"for (1 - f, 1 + f); received {value!r}"
        )
    return 1.0 - spread, 1.0 + spread
