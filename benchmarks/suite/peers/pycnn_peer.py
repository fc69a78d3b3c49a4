"""pycnn itself, behind the interface of the peers."""

import numpy as np

import pycnn
from pycnn import _core
from suite.cases import Pass
from suite.network import describe
from suite.peers.base import CHECKED_STEPS, MOMENTUM, Peer, Runner, spread

_PASS_OF = {
    "Conv2dForward": "forward",
    "Conv2dBackwardInput": "backward_input",
    "Conv2dBackwardParams": "backward_params",
    "DenseForward": "forward",
    "DenseBackwardInput": "backward_input",
    "DenseBackwardParams": "backward_params",
    "MaxPool2dForward": "forward",
    "MaxPool2dBackward": "backward_input",
}


class OpRunner(Runner):
    """One pass of a single layer, by the native profile: the kernel on all threads.

    Layers hand one another blocks of 16 images, so neither their making nor their undoing counts,
    as the peers are not charged for bringing arrays into their layouts.
    """

    def __init__(
        self,
        network: _core.Network,
        x: _core.Tensor,
        dy: _core.Tensor,
        direction: Pass,
        check: np.ndarray,
    ) -> None:
        super().__init__(lambda count: None, check)
        self._network, self._x, self._dy, self._direction = network, x, dy, direction

    def measure(self, seconds: float) -> float:
        times = self._network.profile_backward([self._x], [self._dy], seconds)
        return sum(t.seconds for t in times if _PASS_OF.get(t.operation) == self._direction)


class PycnnPeer(Peer):
    def __init__(self, threads: int) -> None:
        self.version = pycnn.__version__
        pycnn.set_device("cpu")
        pycnn.set_num_threads(threads)

    def train(
        self,
        model: pycnn.Model,
        x: np.ndarray,
        y: np.ndarray,
        batch: int,
        rate: float,
        mode: str,
    ) -> Runner:
        model.compile(
            pycnn.optimizers.SGD(rate, momentum=MOMENTUM), "sparse_categorical_crossentropy"
        )
        steps = len(x) // batch
        images, labels = x[: steps * batch], y[: steps * batch]
        if describe(model).random:
            check = [model.evaluate(x[:batch], y[:batch], verbose=0)]
        else:
            parts = [slice(i * batch, (i + 1) * batch) for i in range(min(CHECKED_STEPS, steps))]
            check = [model.train_on_batch(x[part], y[part]) for part in parts]

        def run(count: int) -> None:
            epochs, rest = divmod(count, steps)
            if epochs:
                model.fit(images, labels, batch, epochs, verbose=0)
            if rest:
                model.fit(images[: rest * batch], labels[: rest * batch], batch, verbose=0)

        return Runner(run, np.array(check))

    def predict(self, model: pycnn.Model, x: np.ndarray, batch: int, mode: str) -> Runner:
        images = x[:batch]

        def run(count: int) -> None:
            for _ in range(count):
                model.predict(images, batch, verbose=0)

        return Runner(run, spread(model.predict(images, batch, verbose=0)))

    def evaluate(
        self, model: pycnn.Model, x: np.ndarray, y: np.ndarray, batch: int, mode: str
    ) -> Runner:
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])

        def run(count: int) -> None:
            for _ in range(count):
                model.evaluate(x, y, batch, verbose=0)

        return Runner(run, np.array(model.evaluate(x, y, batch, verbose=0)))

    def op(
        self, model: pycnn.Model, x: np.ndarray, dy: np.ndarray, direction: Pass, mode: str
    ) -> Runner:
        graph = model._built_graph()
        network = _core.Network(graph, [len(graph.nodes)], 0, "cpu")
        for index, value in enumerate(model.get_weights()):
            network.set_parameter(index, _core.Tensor(value))
        images, gradient = _core.Tensor(x), _core.Tensor(dy)
        if direction == "forward":
            result = network.predict([images], len(x))[0]
        else:
            by_input, by_params = network.backward([images], [gradient])
            result = (by_input if direction == "backward_input" else by_params)[0]
        return OpRunner(network, images, gradient, direction, spread(result.numpy()))


def forward_flops(model: pycnn.Model) -> int:
    """Floating-point operations of one image: every multiply-add counts as two."""
    return 2 * sum(node.multiply_adds for node in model._built_graph().nodes)


def training_flops(model: pycnn.Model) -> int:
    """The same of a step: forward, weights' and inputs' gradients, the first layer's input not."""
    parts = [n.multiply_adds for n in model._built_graph().nodes if n.parameter_count > 0]
    parts = [part for part in parts if part]
    return 2 * (3 * sum(parts) - parts[0])
