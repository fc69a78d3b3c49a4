"""PyTorch, eager: in its own layout, and with channels_last."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import pycnn
from suite.cases import Kind, Pass
from suite.network import Network, Step, channels_first, describe
from suite.peers.base import CHECKED_STEPS, MOMENTUM, Order, Peer, Runner, scaled, spread


def _fill(module: nn.Module, weights: tuple[np.ndarray, ...]) -> nn.Module:
    names = [name for name, _ in module.named_parameters()]
    with torch.no_grad():
        for name, value in zip(names, weights, strict=True):
            module.get_parameter(name).copy_(torch.from_numpy(value))
    return module


def _conv(step: Step, before: Step | None) -> nn.Module:
    weights = channels_first(step, before)
    filters, channels, *kernel = weights[0].shape
    (top, bottom), (left, right) = step.options["pads"]
    if (top, left) != (bottom, right):
        raise NotImplementedError("padding differs from side to side")
    return _fill(
        nn.Conv2d(
            channels,
            filters,
            tuple(kernel),
            stride=step.options["strides"],
            padding=(top, left),
            bias=len(weights) == 2,
        ),
        weights,
    )


def _dense(step: Step, before: Step | None) -> nn.Module:
    weights = channels_first(step, before)
    outputs, inputs = weights[0].shape
    return _fill(nn.Linear(inputs, outputs), weights)


def _batch_norm(step: Step) -> nn.Module:
    gamma, beta, mean, variance = (torch.from_numpy(w) for w in step.weights)
    norm = nn.BatchNorm2d(
        len(gamma), eps=step.options["epsilon"], momentum=1 - step.options["momentum"]
    )
    with torch.no_grad():
        for target, value in (
            (norm.weight, gamma),
            (norm.bias, beta),
            (norm.running_mean, mean),
            (norm.running_var, variance),
        ):
            target.copy_(value)
    return norm


class _Sum(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b


class _Average(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


def _module(step: Step, before: Step | None) -> nn.Module:
    makers: dict[str, Callable[[], nn.Module]] = {
        "conv": lambda: _conv(step, before),
        "dense": lambda: _dense(step, before),
        "batch_norm": lambda: _batch_norm(step),
        "max_pool": lambda: nn.MaxPool2d(step.options["size"], step.options["strides"]),
        "relu": nn.ReLU,
        "flatten": nn.Flatten,
        "dropout": lambda: nn.Dropout(step.options["rate"]),
        "add": _Sum,
        "average": _Average,
    }
    return makers[step.op]()


class _Graph(nn.Module):
    """Modules that read what earlier ones made."""

    def __init__(self, modules: list[nn.Module], inputs: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(modules)
        self._inputs = inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = [x]
        for step, inputs in zip(self.steps, self._inputs, strict=True):
            values.append(step(*(values[i] for i in inputs)))
        return values[-1]


def _build(net: Network) -> nn.Module:
    modules, inputs = [], []
    for step in net.steps:
        source = step.inputs[0]
        modules.append(_module(step, net.steps[source - 1] if source else None))
        inputs.append(step.inputs)
    chain = all(step_inputs == (n,) for n, step_inputs in enumerate(inputs))
    return nn.Sequential(*modules) if chain else _Graph(modules, inputs)


def _layout(mode: str) -> torch.memory_format:
    return torch.channels_last if mode == "channels_last" else torch.contiguous_format


def _images(x: np.ndarray, mode: str) -> torch.Tensor:
    if x.ndim != 4:
        return torch.from_numpy(np.ascontiguousarray(x))
    nchw = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    return nchw.contiguous(memory_format=_layout(mode))


def _numpy(t: torch.Tensor) -> np.ndarray:
    return t.detach().numpy()


class TorchPeer(Peer):
    def __init__(self, threads: int) -> None:
        self.version = torch.__version__
        torch.set_num_threads(threads)

    def modes(self, model: pycnn.Model, work: Kind | Pass) -> tuple[str, ...]:
        return ("", "channels_last") if describe(model).convolutional else ("",)

    def _model(self, net: Network, mode: str) -> nn.Module:
        return _build(net).to(memory_format=_layout(mode))

    def train(
        self,
        model: pycnn.Model,
        x: np.ndarray,
        y: np.ndarray,
        batch: int,
        rate: float,
        mode: str,
    ) -> Runner:
        net = describe(model)
        own = self._model(net, mode)
        images, labels = _images(scaled(net, x), mode), torch.from_numpy(y)
        optimizer = torch.optim.SGD(own.parameters(), lr=rate, momentum=MOMENTUM, fused=True)

        def step(chosen: torch.Tensor | slice) -> torch.Tensor:
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(own(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            return loss

        if net.random:
            with torch.inference_mode():
                check = [F.cross_entropy(own.eval()(images[:batch]), labels[:batch]).item()]
            own.train()
        else:
            count = min(CHECKED_STEPS, len(x) // batch)
            check = [step(slice(i * batch, (i + 1) * batch)).item() for i in range(count)]
        order = Order(len(x), batch)

        def run(count: int) -> None:
            for _ in range(count):
                step(torch.from_numpy(order.next()))

        return Runner(run, np.array(check))

    def predict(self, model: pycnn.Model, x: np.ndarray, batch: int, mode: str) -> Runner:
        net = describe(model)
        own = self._model(net, mode).eval()
        images = _images(scaled(net, x[:batch]), mode)

        def outputs() -> np.ndarray:
            with torch.inference_mode():
                y = own(images)
                return (F.softmax(y, dim=1) if net.ends_in_softmax else y).numpy()

        def run(count: int) -> None:
            for _ in range(count):
                outputs()

        return Runner(run, spread(outputs()))

    def evaluate(
        self, model: pycnn.Model, x: np.ndarray, y: np.ndarray, batch: int, mode: str
    ) -> Runner:
        net = describe(model)
        own = self._model(net, mode).eval()
        images, labels = _images(scaled(net, x), mode), torch.from_numpy(y)

        def once() -> tuple[float, float]:
            loss, hits = 0.0, 0
            with torch.inference_mode():
                for first in range(0, len(images), batch):
                    wanted = labels[first : first + batch]
                    logits = own(images[first : first + batch])
                    loss += F.cross_entropy(logits, wanted, reduction="sum").item()
                    hits += (logits.argmax(1) == wanted).sum().item()
            return loss / len(images), hits / len(images)

        def run(count: int) -> None:
            for _ in range(count):
                once()

        return Runner(run, np.array(once()))

    def op(
        self, model: pycnn.Model, x: np.ndarray, dy: np.ndarray, direction: Pass, mode: str
    ) -> Runner:
        net = describe(model)
        layer = self._model(net, mode)
        images, gradient = _images(x, mode), _images(dy, mode)
        if direction == "forward":

            def run_forward(count: int) -> None:
                with torch.inference_mode():
                    for _ in range(count):
                        layer(images)

            with torch.inference_mode():
                return Runner(run_forward, spread(_nhwc(layer(images))))

        # Only what is asked for: autograd leaves the other gradient out.
        by_input = direction == "backward_input"
        layer.requires_grad_(not by_input)
        images.requires_grad_(by_input)
        wanted = [images] if by_input else list(layer.parameters())
        output = layer(images)

        def once() -> tuple[torch.Tensor, ...]:
            return torch.autograd.grad(output, wanted, gradient, retain_graph=True)

        def run_backward(count: int) -> None:
            for _ in range(count):
                once()

        result = once()[0]
        return Runner(run_backward, spread(_nhwc(result) if by_input else _hwio(result)))


def _nhwc(t: torch.Tensor) -> np.ndarray:
    return _numpy(t.permute(0, 2, 3, 1) if t.dim() == 4 else t)


def _hwio(kernel: torch.Tensor) -> np.ndarray:
    return _numpy(kernel.permute(2, 3, 1, 0) if kernel.dim() == 4 else kernel.T)
