"""The libraries: one module each, with one interface."""

import importlib
import importlib.util

from suite.peers.base import Peer, Runner

__all__ = ["NAMES", "Peer", "Runner", "load", "missing"]

#: Name in reports, module to look for, class here.
_PEERS = {
    "pycnn": ("pycnn", "pycnn_peer", "PycnnPeer"),
    "torch": ("torch", "torch_peer", "TorchPeer"),
    "jax": ("jax", "jax_peer", "JaxPeer"),
    "tensorflow": ("tensorflow", "tensorflow_peer", "TensorFlowPeer"),
    "onnxruntime": ("onnxruntime", "onnxruntime_peer", "OnnxRuntimePeer"),
}
NAMES = tuple(name for name in _PEERS if name != "pycnn")


def missing(name: str) -> str | None:
    """Why the library cannot take part, or None."""
    modules = [_PEERS[name][0]] + (["onnx"] if name == "onnxruntime" else [])
    absent = [module for module in modules if importlib.util.find_spec(module) is None]
    return f"{' and '.join(absent)} not installed" if absent else None


def load(name: str, threads: int) -> Peer:
    """Imports the library and sets its threads."""
    _, module, kind = _PEERS[name]
    peer: Peer = getattr(importlib.import_module(f"suite.peers.{module}"), kind)(threads)
    return peer
