"""ONNX Runtime: inference of a model in its own layout, NCHW."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import pycnn
from suite.cases import Kind, Pass
from suite.network import Network, Step, channels_first, describe
from suite.peers.base import Peer, Runner, scaled, spread

_OPSET = 17
_IR_VERSION = 8  # of that opset; newer ones are refused by older runtimes


def _pads(step: Step) -> list[int]:
    (top, bottom), (left, right) = step.options["pads"]
    return [top, left, bottom, right]


_ATTRIBUTES: dict[str, tuple[str, Callable[[Step], dict[str, Any]]]] = {
    "conv": ("Conv", lambda s: {"strides": s.options["strides"], "pads": _pads(s)}),
    "dense": ("Gemm", lambda s: {"transB": 1}),
    "batch_norm": ("BatchNormalization", lambda s: {"epsilon": s.options["epsilon"]}),
    "max_pool": (
        "MaxPool",
        lambda s: {"kernel_shape": s.options["size"], "strides": s.options["strides"]},
    ),
    "relu": ("Relu", lambda s: {}),
    "flatten": ("Flatten", lambda s: {}),
    "add": ("Add", lambda s: {}),
    "average": ("ReduceMean", lambda s: {"axes": [2, 3], "keepdims": 0}),
    "dropout": ("Identity", lambda s: {}),
}


def _model(net: Network, shape: tuple[int, ...]) -> onnx.ModelProto:
    nodes, constants = [], []
    for number, step in enumerate(net.steps, 1):
        source = step.inputs[0]
        weights = channels_first(step, net.steps[source - 1] if source else None)
        names = [f"w{number}_{i}" for i in range(len(weights))]
        constants += [numpy_helper.from_array(w, n) for w, n in zip(weights, names, strict=True)]
        op, attributes = _ATTRIBUTES[step.op]
        inputs = [f"v{i}" for i in step.inputs] + names
        nodes.append(helper.make_node(op, inputs, [f"v{number}"], **attributes(step)))
    last = f"v{len(net.steps)}"
    if net.ends_in_softmax:
        nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=1))
        last = "probabilities"
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("v0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
        constants,
    )
    opset = helper.make_opsetid("", _OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)


class OnnxRuntimePeer(Peer):
    def __init__(self, threads: int) -> None:
        self.version = onnxruntime.__version__
        self._threads = threads

    def modes(self, model: pycnn.Model, work: Kind | Pass) -> tuple[str, ...]:
        return ("",) if work in ("predict", "latency", "forward") else ()

    def _session(self, net: Network, x: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
        images = np.ascontiguousarray(x.transpose(0, 3, 1, 2) if x.ndim == 4 else x)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            _model(net, images.shape).SerializeToString(), options, ["CPUExecutionProvider"]
        )
        return session, {"v0": images}

    def predict(self, model: pycnn.Model, x: np.ndarray, batch: int, mode: str) -> Runner:
        net = describe(model)
        return self._forward(net, scaled(net, x[:batch]))

    def op(
        self, model: pycnn.Model, x: np.ndarray, dy: np.ndarray, direction: Pass, mode: str
    ) -> Runner:
        return self._forward(describe(model), x)

    def _forward(self, net: Network, x: np.ndarray) -> Runner:
        session, inputs = self._session(net, x)

        def run(count: int) -> None:
            for _ in range(count):
                session.run(None, inputs)

        result = session.run(None, inputs)[0]
        return Runner(run, spread(result.transpose(0, 2, 3, 1) if result.ndim == 4 else result))

    def train(self, *_: Any) -> Runner:
        raise NotImplementedError("ONNX Runtime is measured in inference")

    evaluate = train
