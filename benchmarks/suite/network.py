"""A pycnn model as plain steps with their weights: what the peers build the same network from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import pycnn

Pads = tuple[tuple[int, int], tuple[int, int]]  # (top, bottom), (left, right)


@dataclass(frozen=True)
class Step:
    """One op: it reads the values of the steps `inputs` (0 is the network's input)."""

    op: str
    inputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    weights: tuple[np.ndarray, ...] = ()  # as pycnn has them: NHWC order
    in_shape: tuple[int, ...] = ()  # of one image: (height, width, channels) or (features,)


@dataclass(frozen=True)
class Network:
    """Step n makes value n + 1; the last value is the output, logits unless `ends_in_softmax`."""

    input_shape: tuple[int, ...]
    steps: tuple[Step, ...]
    ends_in_softmax: bool
    scale: float  # of the pixels, done in advance for the peers

    @property
    def convolutional(self) -> bool:
        return any(step.op in ("conv", "max_pool") for step in self.steps)

    @property
    def random(self) -> bool:
        """Whether a training step depends on random numbers of the library's own."""
        return any(step.op == "dropout" for step in self.steps)


def describe(model: pycnn.Model) -> Network:
    """Raises NotImplementedError for a layer that no benchmark has."""
    config = model.get_config()
    builder = _Builder(model)
    for item, inputs in _calls(config):
        builder.add(item["class_name"], item["config"], inputs)
    return builder.finish()


def _calls(config: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Layers in the order of their calls, each with the names of what it is called on."""
    if "calls" not in config:
        before = "input"
        for layer in config["layers"]:
            yield layer, [before]
            before = layer["config"]["name"]
        return
    layers = {layer["config"]["name"]: layer for layer in config["layers"]}
    start = config["inputs"][0]["name"]
    for call in config["calls"]:
        names = ["input" if name == start else name for name, *_ in call["inputs"]]
        yield layers[call["layer"]], names


class _Builder:
    def __init__(self, model: pycnn.Model) -> None:
        self._layers = {layer.name: layer for layer in model.layers}
        self._input_shape = tuple(model.input_shape[1:])
        self._shapes: list[tuple[int, ...]] = [self._input_shape]
        self._values = {"input": 0}
        self._steps: list[Step] = []
        self._scale = 1.0
        self._softmax = False

    def finish(self) -> Network:
        return Network(self._input_shape, tuple(self._steps), self._softmax, self._scale)

    def add(self, kind: str, config: dict[str, Any], inputs: list[str]) -> None:
        make = getattr(self, f"_{kind.lower()}", None)
        if make is None:
            raise NotImplementedError(f"the benchmarks have no {kind}")
        sources = tuple(self._values[name] for name in inputs)
        weights = tuple(np.array(w) for w in self._layers[config["name"]].get_weights())
        value = make(config, sources, weights)
        activation = config.get("activation", "linear")
        if activation == "relu":
            value = self._step("relu", (value,), self._shapes[value])
        elif activation == "softmax":
            self._softmax = True  # the last layer's
        elif activation != "linear":
            raise NotImplementedError(f"the benchmarks have no {activation}")
        self._values[config["name"]] = value

    def _step(
        self,
        op: str,
        inputs: tuple[int, ...],
        out_shape: tuple[int, ...],
        options: dict[str, Any] | None = None,
        weights: tuple[np.ndarray, ...] = (),
    ) -> int:
        shape = self._shapes[inputs[0]]
        self._steps.append(Step(op, inputs, options or {}, weights, shape))
        self._shapes.append(out_shape)
        return len(self._steps)

    def _rescaling(self, config: Any, inputs: Any, weights: Any) -> int:
        if inputs != (0,) or config["offset"]:
            raise NotImplementedError("the benchmarks rescale the input only")
        self._scale = config["scale"]
        return 0

    def _conv2d(self, config: Any, inputs: Any, weights: Any) -> int:
        height, width, _ = self._shapes[inputs[0]]
        strides, kernel = tuple(config["strides"]), tuple(config["kernel_size"])
        pads = _pads(config["padding"], (height, width), kernel, strides)
        out = tuple(
            (n + sum(p) - k) // s + 1
            for n, p, k, s in zip((height, width), pads, kernel, strides, strict=True)
        )
        options = {"strides": strides, "pads": pads}
        return self._step("conv", inputs, (*out, config["filters"]), options, weights)

    def _maxpooling2d(self, config: Any, inputs: Any, weights: Any) -> int:
        height, width, channels = self._shapes[inputs[0]]
        if config["padding"] != "valid":
            raise NotImplementedError("the benchmarks pool without padding")
        size, strides = tuple(config["pool_size"]), tuple(config["strides"])
        out = ((height - size[0]) // strides[0] + 1, (width - size[1]) // strides[1] + 1)
        return self._step("max_pool", inputs, (*out, channels), {"size": size, "strides": strides})

    def _dense(self, config: Any, inputs: Any, weights: Any) -> int:
        return self._step("dense", inputs, (config["units"],), weights=weights)

    def _flatten(self, config: Any, inputs: Any, weights: Any) -> int:
        return self._step("flatten", inputs, (int(np.prod(self._shapes[inputs[0]])),))

    def _relu(self, config: Any, inputs: Any, weights: Any) -> int:
        return self._step("relu", inputs, self._shapes[inputs[0]])

    def _add(self, config: Any, inputs: Any, weights: Any) -> int:
        return self._step("add", inputs, self._shapes[inputs[0]])

    def _dropout(self, config: Any, inputs: Any, weights: Any) -> int:
        return self._step("dropout", inputs, self._shapes[inputs[0]], {"rate": config["rate"]})

    def _batchnormalization(self, config: Any, inputs: Any, weights: Any) -> int:
        options = {"momentum": config["momentum"], "epsilon": config["epsilon"]}
        return self._step("batch_norm", inputs, self._shapes[inputs[0]], options, weights)

    def _globalaveragepooling2d(self, config: Any, inputs: Any, weights: Any) -> int:
        return self._step("average", inputs, self._shapes[inputs[0]][-1:])


def _pads(padding: Any, size: Any, kernel: Any, strides: Any) -> Pads:
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        totals = [
            max((-(-n // s) - 1) * s + k - n, 0)
            for n, k, s in zip(size, kernel, strides, strict=True)
        ]
        return (totals[0] // 2, -(-totals[0] // 2)), (totals[1] // 2, -(-totals[1] // 2))
    return tuple(padding[0]), tuple(padding[1])


def channels_first(step: Step, before: Step | None) -> tuple[np.ndarray, ...]:
    """The step's weights for arrays (batch, channels, height, width).

    Args:
        step: a convolution, or a dense layer that may follow a flatten.
        before: the step that makes its input, or None.
    """
    if step.op == "conv":
        kernel, *bias = step.weights
        return (np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), *bias)
    if step.op == "dense":
        kernel, *bias = step.weights
        if before is not None and before.op == "flatten" and len(before.in_shape) == 3:
            image = kernel.reshape(*before.in_shape, -1).transpose(2, 0, 1, 3)
            kernel = image.reshape(kernel.shape)
        return (np.ascontiguousarray(kernel.T), *bias)
    return step.weights
