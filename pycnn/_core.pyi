"""CONTRACT for the native module pycnn._core (pybind11). Written by hand before the code exists;
later replaced by the generated stub. Arrays: NHWC, kernels HWIO, dense weights (in, out)."""
from collections.abc import Callable, Sequence
import numpy as np

class Tensor:
    """Dense row-major array: float32, uint8 or int64; zero-copy with NumPy."""
    def __init__(self, array: np.ndarray) -> None: ...
      # zero-copy view when C-contiguous, native byte order and one of the three dtypes
      # (keeps the array alive); otherwise TypeError. Conversion is done in pycnn/_arrays.py.
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...        # "float32" | "uint8" | "int64"
    @property
    def device(self) -> str: ...       # "cpu"
    def __len__(self) -> int: ...
    def __array__(self, dtype=None, copy=None) -> np.ndarray: ...
    def numpy(self) -> np.ndarray: ... # zero-copy view
    def __dlpack__(self, **kwargs): ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    # buffer protocol as well

class Parameter:
    name: str          # "kernel", "bias", ...
    layer: str         # name of the layer
    shape: tuple[int, ...]

class NodeInfo:        # one per layer, in order of adding
    name: str          # layer name
    kind: str          # "Conv2D", "MaxPooling2D", "AveragePooling2D", "Dense", "ReLU", "Sigmoid",
                       # "Tanh", "Softmax", "Flatten", "Rescaling", "PythonLayer"
    output_shape: tuple[int, ...]   # without batch
    parameter_count: int
    multiply_adds: int              # per image
    receptive_field: tuple[int, int]  # height, width; in pixels of the input

class Graph:
    """A network's layers as nodes and values; every shape and option is checked here.
    Methods add a node and return the id of its output value. `name` is the layer's name and
    appears in every error: "[Conv2D 'conv2d_1'] kernel 5x5 does not fit ..."."""
    def __init__(self, input_shape: Sequence[int]) -> None: ...
    @property
    def input(self) -> int: ...
    def shape(self, value: int) -> tuple[int, ...]: ...   # without batch
    def conv2d(self, x: int, *, filters: int, kernel_size: tuple[int, int],
               strides: tuple[int, int] = (1, 1),
               padding: str | tuple[tuple[int, int], tuple[int, int]] = "valid",
               # explicit padding: ((top, bottom), (left, right))
               use_bias: bool = True, kernel_initializer: str = "glorot_uniform",
               bias_initializer: str = "zeros", name: str = "") -> int: ...
    def max_pool2d(self, x: int, *, pool_size: tuple[int, int], strides: tuple[int, int],
                   padding: str = "valid", name: str = "") -> int: ...
    def avg_pool2d(self, x: int, *, pool_size: tuple[int, int], strides: tuple[int, int],
                   padding: str = "valid", name: str = "") -> int: ...
    def dense(self, x: int, *, units: int, use_bias: bool = True,
              kernel_initializer: str = "glorot_uniform", bias_initializer: str = "zeros",
              name: str = "") -> int: ...
    def activation(self, x: int, *, kind: str, name: str = "") -> int: ...
        # kind: "relu" | "sigmoid" | "tanh" | "softmax" (last axis)
    def flatten(self, x: int, *, name: str = "") -> int: ...
    def rescale(self, x: int, *, scale: float, offset: float = 0.0, name: str = "") -> int: ...
    def python_layer(self, x: int, *, output_shape: Sequence[int],
                     forward: Callable[[np.ndarray, list[np.ndarray], bool], np.ndarray],
                     backward: Callable[[np.ndarray, list[np.ndarray]],
                                        tuple[np.ndarray, list[np.ndarray]]],
                     parameters: Sequence[tuple[str, tuple[int, ...], str]] = (),
                     # (name, shape, initializer)
                     name: str = "") -> int: ...
        # forward(x, weights, training) -> y over the whole batch (float32, batch first);
        # backward(dy, weights) -> (dx, [dweight, ...]). Exceptions of theirs come out of fit.
    @property
    def parameters(self) -> list[Parameter]: ...   # layer order; kernel, then bias
    @property
    def nodes(self) -> list[NodeInfo]: ...

class SGD:
    def __init__(self, *, momentum: float = 0.0, nesterov: bool = False,
                 weight_decay: float = 0.0) -> None: ...
    # Keras's rule: w -= lr * weight_decay * w; v = momentum * v - lr * g; w += v
    # (Nesterov: w += momentum * v - lr * g). Checked: momentum in [0, 1), nesterov needs momentum > 0,
    # weight_decay >= 0, all finite.

class Totals:
    images: int
    loss: float          # mean over the images
    hits: list[int]      # images whose label is among the top k, one number per k of `top_k`

class Progress(Totals):  # since start_epoch
    step: int            # steps done in this epoch
    done: bool           # epoch complete

class Network:
    """A graph with parameters, plans, optimizer state. All calls release the GIL, refuse use by two
    threads at once (RuntimeError) and check for Ctrl-C at least every 0.1 s (KeyboardInterrupt; the
    model stays usable: the step under way is dropped)."""
    def __init__(self, graph: Graph, output: int, seed: int) -> None: ...
        # initial weights from (seed, parameter index) by Philox
    def get_parameter(self, index: int) -> Tensor: ...          # a copy
    def set_parameter(self, index: int, value: Tensor) -> None: ...  # float32; ValueError on wrong shape
    def compile(self, *, loss: str, from_logits: bool = False, optimizer: SGD,
                top_k: Sequence[int] = ()) -> None: ...
        # loss: "sparse_categorical_crossentropy" | "categorical_crossentropy" | "mean_squared_error"
        # top_k: [1] is accuracy. compile resets the optimizer's state.
        # ValueError: k over the number of classes; cross-entropy on an output that is not (classes,)
    def train_step(self, x: Tensor, y: Tensor, learning_rate: float) -> Totals: ...
    def evaluate(self, x: Tensor, y: Tensor, batch_size: int) -> Totals: ...
    def predict(self, x: Tensor, batch_size: int) -> Tensor: ...
    def backward(self, x: Tensor, dy: Tensor) -> tuple[Tensor, list[Tensor]]: ...
        # forward on x, then (dx, [dparameter...]) for upstream gradient dy; no update, sums over
        # the batch. Works without compile.
    def plan_report(self) -> str: ...
    # x: float32 or uint8, (images, *input_shape). y: int64 (images,) for sparse; float32
    # (images, *output_shape) for the others. Labels out of range, lengths that differ, empty data,
    # wrong shapes: ValueError before anything runs. A loss that is not finite: FloatingPointError
    # naming the step and the first layer to blame; the update of that step is not applied.

class Trainer:
    """Epochs over a data set in memory: shuffle, gather, step. x and y are held, not copied."""
    def __init__(self, network: Network, x: Tensor, y: Tensor, *, batch_size: int,
                 shuffle: bool = True) -> None: ...
    @property
    def steps_per_epoch(self) -> int: ...
    def start_epoch(self) -> None: ...     # new order from the network's seed and epoch counter
    def run(self, learning_rates: np.ndarray, max_seconds: float) -> Progress: ...
        # up to len(learning_rates) further steps (float32, one rate a step), fewer when max_seconds
        # have passed or the epoch ends

def loss(kind: str, predictions: Tensor, targets: Tensor) -> tuple[float, Tensor]: ...
    # kind: "softmax_cross_entropy" (on logits) | "cross_entropy" (on probabilities) |
    # "mean_squared_error"; mean loss over the batch and its gradient by the predictions.
    # targets int64 (batch,) or float32 like predictions.
def sgd_update(parameter: Tensor, gradient: Tensor, velocity: Tensor, learning_rate: float,
               optimizer: SGD) -> tuple[Tensor, Tensor]: ...   # new (parameter, velocity)
def set_random_seed(seed: int) -> None: ...
def next_seed() -> int: ...
def num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def cpu_isa() -> str: ...                 # "generic" | "avx2" | "avx512"
def available_cpu_isas() -> list[str]: ...
def set_cpu_isa(name: str) -> None: ...   # ValueError: unknown or not on this machine
__version__: str
# Environment: PYCNN_NUM_THREADS, PYCNN_CPU_ISA, PYCNN_FUSE=0 (plan without fusion: same numbers).
