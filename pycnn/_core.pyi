"""
Native core of pycnn: tensors, graphs, plans and their execution.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
__all__: list[str] = ['Adam', 'BusyError', 'Graph', 'InstructionTime', 'Network', 'NodeInfo', 'Optimizer', 'OutputOptions', 'Parameter', 'Progress', 'RMSprop', 'SGD', 'Tensor', 'Totals', 'Trainer', 'available_cpu_isas', 'compiler', 'cpu_isa', 'cpu_lanes', 'cuda_device_name', 'cuda_is_available', 'cuda_is_built', 'cuda_is_emulated', 'cuda_launches', 'cuda_memory_info', 'default_device', 'float32_precision', 'gpu_tensor', 'loss', 'measure_peak', 'next_seed', 'num_threads', 'resolve_device', 'set_cpu_isa', 'set_cpu_lanes', 'set_default_device', 'set_float32_precision', 'set_num_threads', 'set_random_seed', 'start_cuda_timer', 'update_parameter']
class BusyError(RuntimeError):
    pass
class Tensor:
    """
    A dense row-major array of float32, uint8 or int64, NHWC for images, on the
    CPU or on the GPU.
    
    Gives and takes NumPy arrays without a copy, and those of PyTorch, CuPy and
    others: by DLPack on both devices, by __cuda_array_interface__ on the GPU.
    """
    @staticmethod
    def from_dlpack(source: typing.Any) -> Tensor:
        """
        The same as Tensor(source), under the name that array libraries give it.
        """
    def __array__(self, dtype: typing.Any = None, copy: bool | None = None) -> typing.Any:
        ...
    def __dlpack__(self, *, stream: typing.SupportsInt | typing.SupportsIndex | None = None, max_version: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] | None = None, dl_device: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] | None = None, copy: bool | None = None) -> typing.Any:
        ...
    def __dlpack_device__(self) -> tuple[int, int]:
        ...
    def __init__(self, array: typing.Any) -> None:
        """
        A view of a NumPy array, or of any object with an array behind DLPack,
        __cuda_array_interface__ or the buffer protocol, on its device: C-contiguous float32,
        uint8 or int64; TypeError for others, ValueError for memory that pycnn's GPU cannot
        use. What was queued on the default stream by then is in it.
        """
    def __len__(self) -> int:
        ...
    def __repr__(self) -> str:
        ...
    def clone(self) -> Tensor:
        """
        A copy on the same device.
        """
    def numpy(self) -> numpy.ndarray:
        """
        The elements as a NumPy array over the same memory; TypeError on the GPU, where
        `to("cpu")` copies them first.
        """
    def reshape(self, shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]) -> Tensor:
        """
        The same elements in another shape of equal size (ValueError otherwise), not copied.
        """
    def rows(self, first: typing.SupportsInt | typing.SupportsIndex, count: typing.SupportsInt | typing.SupportsIndex) -> Tensor:
        """
        So many rows of the first dimension from `first` on, not copied; ValueError unless
        there are so many.
        """
    def to(self, device: str) -> Tensor:
        """
        This tensor where it is on that device already, else a copy there; "cpu", "cuda" or
        "auto". RuntimeError where there is no GPU, MemoryError where it is full.
        """
    @property
    def __cuda_array_interface__(self) -> dict[str, typing.Any]:
        ...
    @property
    def device(self) -> str:
        """
        Where the elements are: "cpu" or "cuda".
        """
    @property
    def dtype(self) -> str:
        ...
    @property
    def ndim(self) -> int:
        ...
    @property
    def shape(self) -> tuple[int, ...]:
        ...
    @property
    def size(self) -> int:
        ...
class Parameter:
    """
    A weight of a layer.
    """
    @property
    def layer(self) -> str:
        ...
    @property
    def name(self) -> str:
        ...
    @property
    def shape(self) -> tuple[int, ...]:
        ...
    @property
    def trainable(self) -> bool:
        ...
class NodeInfo:
    """
    What a table of the network shows of one node.
    """
    @property
    def kind(self) -> str:
        ...
    @property
    def multiply_adds(self) -> int:
        """
        Forward, per image.
        """
    @property
    def name(self) -> str:
        ...
    @property
    def output_shape(self) -> tuple[int, ...]:
        ...
    @property
    def parameter_count(self) -> int:
        ...
    @property
    def receptive_field(self) -> tuple[int, int]:
        """
        Height and width in pixels of the input.
        """
    @property
    def trainable_count(self) -> int:
        ...
class Graph:
    """
    A network as nodes and values; shapes and options are checked here.
    
    Each method adds a node and returns its output value. ValueError for what
    does not fit.
    """
    @typing.overload
    def __init__(self) -> None:
        ...
    @typing.overload
    def __init__(self, input_shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]) -> None:
        """
        A graph with one input.
        """
    def activation(self, x: typing.SupportsInt | typing.SupportsIndex, *, kind: str, parameter: typing.SupportsFloat | typing.SupportsIndex | None = None, name: str = '') -> int:
        """
        `parameter`: the slope below 0 of leaky_relu, by default 0.2; alpha of elu, by default
        1; the others have none.
        """
    def add(self, xs: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], *, name: str = '') -> int:
        ...
    def add_input(self, shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], *, name: str = '') -> int:
        ...
    def augment(self, x: typing.SupportsInt | typing.SupportsIndex, *, shift: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (0, 0), padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (0, 0), crop: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] | None = None, horizontal_flip: bool = False, rotation: typing.SupportsFloat | typing.SupportsIndex = 0.0, scale: tuple[typing.SupportsFloat | typing.SupportsIndex, typing.SupportsFloat | typing.SupportsIndex] = (1.0, 1.0), brightness: typing.SupportsFloat | typing.SupportsIndex = 0.0, fill: typing.SupportsFloat | typing.SupportsIndex = 0.0, name: str = '') -> int:
        """
        `rotation` is in degrees; `crop` is the size of a random window.
        """
    def avg_pool2d(self, x: typing.SupportsInt | typing.SupportsIndex, *, pool_size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], strides: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], padding: str | tuple[tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]] = 'valid', name: str = '') -> int:
        ...
    def batch_norm(self, x: typing.SupportsInt | typing.SupportsIndex, *, momentum: typing.SupportsFloat | typing.SupportsIndex = 0.9900000095367432, epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.0010000000474974513, center: bool = True, scale: bool = True, beta_initializer: str = 'zeros', gamma_initializer: str = 'ones', moving_mean_initializer: str = 'zeros', moving_variance_initializer: str = 'ones', name: str = '') -> int:
        ...
    def concat(self, xs: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], *, axis: typing.SupportsInt | typing.SupportsIndex = -1, name: str = '') -> int:
        """
        `axis` counts without the batch dimension.
        """
    def conv2d(self, x: typing.SupportsInt | typing.SupportsIndex, *, filters: typing.SupportsInt | typing.SupportsIndex, kernel_size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], strides: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (1, 1), padding: str | tuple[tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]] = 'valid', dilation: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (1, 1), groups: typing.SupportsInt | typing.SupportsIndex = 1, use_bias: bool = True, kernel_initializer: str = 'glorot_uniform', bias_initializer: str = 'zeros', name: str = '') -> int:
        ...
    def dense(self, x: typing.SupportsInt | typing.SupportsIndex, *, units: typing.SupportsInt | typing.SupportsIndex, use_bias: bool = True, kernel_initializer: str = 'glorot_uniform', bias_initializer: str = 'zeros', name: str = '') -> int:
        ...
    def depthwise_conv2d(self, x: typing.SupportsInt | typing.SupportsIndex, *, kernel_size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], strides: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (1, 1), padding: str | tuple[tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]] = 'valid', depth_multiplier: typing.SupportsInt | typing.SupportsIndex = 1, dilation: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (1, 1), use_bias: bool = True, kernel_initializer: str = 'glorot_uniform', bias_initializer: str = 'zeros', name: str = '') -> int:
        ...
    def dropout(self, x: typing.SupportsInt | typing.SupportsIndex, *, rate: typing.SupportsFloat | typing.SupportsIndex, name: str = '') -> int:
        ...
    def flatten(self, x: typing.SupportsInt | typing.SupportsIndex, *, name: str = '') -> int:
        ...
    def global_avg_pool2d(self, x: typing.SupportsInt | typing.SupportsIndex, *, keepdims: bool = False, name: str = '') -> int:
        ...
    def global_max_pool2d(self, x: typing.SupportsInt | typing.SupportsIndex, *, keepdims: bool = False, name: str = '') -> int:
        ...
    def local_response_norm(self, x: typing.SupportsInt | typing.SupportsIndex, *, n: typing.SupportsInt | typing.SupportsIndex = 5, k: typing.SupportsFloat | typing.SupportsIndex = 2.0, alpha: typing.SupportsFloat | typing.SupportsIndex = 9.999999747378752e-05, beta: typing.SupportsFloat | typing.SupportsIndex = 0.75, name: str = '') -> int:
        ...
    def max_pool2d(self, x: typing.SupportsInt | typing.SupportsIndex, *, pool_size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], strides: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], padding: str | tuple[tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]] = 'valid', name: str = '') -> int:
        ...
    def permute(self, x: typing.SupportsInt | typing.SupportsIndex, *, dims: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], name: str = '') -> int:
        """
        Axis i of the output is axis dims[i] of the input, counted from 1.
        """
    def python_layer(self, x: typing.SupportsInt | typing.SupportsIndex, *, output_shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], forward: collections.abc.Callable[[numpy.ndarray, list[numpy.ndarray], bool], numpy.ndarray], backward: collections.abc.Callable[[numpy.ndarray, list[numpy.ndarray]], tuple[numpy.ndarray, list[numpy.ndarray]]], parameters: collections.abc.Sequence[tuple[str, collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], str]] = [], name: str = '') -> int:
        ...
    def regularize(self, value: typing.SupportsInt | typing.SupportsIndex, weight: str, *, l1: typing.SupportsFloat | typing.SupportsIndex = 0.0, l2: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        """
        Puts l1 sum|w| + l2 sum w^2 on a weight of the node that makes `value`.
        """
    def rescale(self, x: typing.SupportsInt | typing.SupportsIndex, *, scale: typing.SupportsFloat | typing.SupportsIndex, offset: typing.SupportsFloat | typing.SupportsIndex = 0.0, name: str = '') -> int:
        ...
    def reshape(self, x: typing.SupportsInt | typing.SupportsIndex, *, shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], name: str = '') -> int:
        """
        `shape` is without the batch; one dimension may be -1.
        """
    def shape(self, value: typing.SupportsInt | typing.SupportsIndex) -> tuple[int, ...]:
        """
        Shape of a value, without the batch dimension.
        """
    def share_parameters(self, node: typing.SupportsInt | typing.SupportsIndex, owner: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        Lets a node use the weights of an earlier one in place of its own; their gradients
        add up. Weights behind those that are dropped move up.
        """
    def weight_shapes(self, node: typing.SupportsInt | typing.SupportsIndex) -> list[tuple[int, ...]]:
        ...
    def zero_pad2d(self, x: typing.SupportsInt | typing.SupportsIndex, *, padding: tuple[tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]], name: str = '') -> int:
        """
        `padding` is ((top, bottom), (left, right)).
        """
    @property
    def input(self) -> int:
        ...
    @property
    def inputs(self) -> list[int]:
        ...
    @property
    def node_count(self) -> int:
        ...
    @property
    def nodes(self) -> list[NodeInfo]:
        ...
    @property
    def parameters(self) -> list[Parameter]:
        ...
class SGD:
    """
    Options of stochastic gradient descent.
    """
    def __init__(self, *, momentum: typing.SupportsFloat | typing.SupportsIndex = 0.0, nesterov: bool = False, weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        ...
    @property
    def momentum(self) -> float:
        ...
    @property
    def nesterov(self) -> bool:
        ...
    @property
    def weight_decay(self) -> float:
        ...
class Adam:
    """
    Options of Adam and, with decay, of AdamW.
    """
    def __init__(self, *, beta_1: typing.SupportsFloat | typing.SupportsIndex = 0.9, beta_2: typing.SupportsFloat | typing.SupportsIndex = 0.999, epsilon: typing.SupportsFloat | typing.SupportsIndex = 1.0000000116860974e-07, amsgrad: bool = False, weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        ...
    @property
    def amsgrad(self) -> bool:
        ...
    @property
    def beta_1(self) -> float:
        ...
    @property
    def beta_2(self) -> float:
        ...
    @property
    def epsilon(self) -> float:
        ...
    @property
    def weight_decay(self) -> float:
        ...
class RMSprop:
    """
    Options of RMSprop.
    """
    def __init__(self, *, rho: typing.SupportsFloat | typing.SupportsIndex = 0.9, momentum: typing.SupportsFloat | typing.SupportsIndex = 0.0, epsilon: typing.SupportsFloat | typing.SupportsIndex = 1.0000000116860974e-07, centered: bool = False, weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        ...
    @property
    def centered(self) -> bool:
        ...
    @property
    def epsilon(self) -> float:
        ...
    @property
    def momentum(self) -> float:
        ...
    @property
    def rho(self) -> float:
        ...
    @property
    def weight_decay(self) -> float:
        ...
class Optimizer:
    """
    A rule and the clipping before it; 0 is none.
    """
    def __init__(self, rule: SGD | Adam | RMSprop, *, clipnorm: typing.SupportsFloat | typing.SupportsIndex = 0.0, global_clipnorm: typing.SupportsFloat | typing.SupportsIndex = 0.0, clipvalue: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        ...
class InstructionTime:
    """
    Of an instruction of a plan.
    """
    @property
    def layer(self) -> str:
        ...
    @property
    def operation(self) -> str:
        ...
    @property
    def seconds(self) -> float:
        """
        For all images of the batch.
        """
class OutputOptions:
    """
    What one output of a network is trained for.
    """
    def __init__(self, loss: str, *, from_logits: bool = False, weight: typing.SupportsFloat | typing.SupportsIndex = 1.0, top_k: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = []) -> None:
        ...
class Totals:
    """
    Loss and hits over a number of images.
    """
    @property
    def hits(self) -> list[int]:
        """
        Images whose true class is among the top k: for each output, for each k.
        """
    @property
    def images(self) -> int:
        ...
    @property
    def loss(self) -> float:
        """
        Mean over the images.
        """
    @property
    def output_losses(self) -> list[float]:
        """
        Mean loss of each output.
        """
class Progress(Totals):
    """
    Totals since the start of the epoch.
    """
    @property
    def done(self) -> bool:
        ...
    @property
    def step(self) -> int:
        ...
class Network:
    """
    A graph with weights, optimizer and plans.
    
    Calls release the GIL, watch for Ctrl-C and refuse a second thread
    (RuntimeError).
    """
    def __init__(self, graph: Graph, outputs: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], seed: typing.SupportsInt | typing.SupportsIndex, device: str | None = None) -> None:
        ...
    def backward(self, x: collections.abc.Sequence[Tensor], dy: collections.abc.Sequence[Tensor], training: bool = False) -> tuple[list[Tensor], list[Tensor]]:
        """
        Gradients of sum(output * dy) by the inputs and by every parameter.
        """
    def compile(self, *, outputs: collections.abc.Sequence[OutputOptions], optimizer: Optimizer) -> None:
        ...
    def cpu_lanes(self, images: typing.SupportsInt | typing.SupportsIndex) -> str:
        """
        What a vector of a CPU step on so many images holds.
        """
    def evaluate(self, x: collections.abc.Sequence[Tensor], y: collections.abc.Sequence[Tensor], batch_size: typing.SupportsInt | typing.SupportsIndex) -> Totals:
        ...
    def get_parameter(self, index: typing.SupportsInt | typing.SupportsIndex) -> Tensor:
        """
        A copy of a weight.
        """
    def plan_report(self) -> str:
        ...
    def predict(self, x: collections.abc.Sequence[Tensor], batch_size: typing.SupportsInt | typing.SupportsIndex, training: bool = False) -> list[Tensor]:
        """
        Outputs of all images; `training`: as the next steps would see the network (dropout,
        batch statistics), but nothing is learned and no step counted.
        """
    def profile_backward(self, x: collections.abc.Sequence[Tensor], dy: collections.abc.Sequence[Tensor], seconds: typing.SupportsFloat | typing.SupportsIndex) -> list[InstructionTime]:
        """
        The same for the plan of `backward`.
        """
    def profile_step(self, x: collections.abc.Sequence[Tensor], y: collections.abc.Sequence[Tensor], seconds: typing.SupportsFloat | typing.SupportsIndex) -> list[InstructionTime]:
        """
        How long each instruction of a training step takes on the CPU, without the
        update: x as one batch, each instruction alone, medians over `seconds`.
        """
    def set_device(self, device: str) -> None:
        """
        Moves the weights and the optimizer's memory.
        """
    def set_parameter(self, index: typing.SupportsInt | typing.SupportsIndex, value: Tensor) -> None:
        ...
    def train_step(self, x: collections.abc.Sequence[Tensor], y: collections.abc.Sequence[Tensor], learning_rate: typing.SupportsFloat | typing.SupportsIndex) -> Totals:
        """
        One step on all of x and y as one batch.
        """
    @property
    def device(self) -> str:
        ...
class Trainer:
    """
    Epochs over a data set in memory: shuffle, gather, step.
    """
    def __init__(self, network: Network, x: collections.abc.Sequence[Tensor], y: collections.abc.Sequence[Tensor], *, batch_size: typing.SupportsInt | typing.SupportsIndex, shuffle: bool = True) -> None:
        ...
    def run(self, learning_rates: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], max_seconds: typing.SupportsFloat | typing.SupportsIndex) -> Progress:
        """
        Up to len(learning_rates) further steps, fewer after max_seconds.
        """
    def start_epoch(self) -> None:
        ...
    @property
    def progress(self) -> Progress:
        """
        What is done so far, also by a run that an exception ended.
        """
    @property
    def steps_per_epoch(self) -> int:
        ...
def available_cpu_isas() -> list[str]:
    ...
def cpu_isa() -> str:
    """
    The instruction set of the kernels in use.
    """
def cpu_lanes() -> str:
    ...
def cuda_device_name() -> str:
    ...
def cuda_is_available() -> bool:
    ...
def cuda_is_built() -> bool:
    ...
def cuda_is_emulated() -> bool:
    ...
def cuda_launches() -> int:
    """
    Kernels launched so far; what is captured counts once, however often it runs.
    """
def cuda_memory_info() -> tuple[int, int]:
    """
    Bytes of the GPU's memory: free, and all.
    """
def default_device() -> str:
    ...
def float32_precision() -> str:
    ...
def gpu_tensor(source: typing.Any) -> Tensor | None:
    """
    The array behind an object as a tensor, when it is on the GPU; None for all others.
    """
def loss(kind: str, predictions: Tensor, targets: Tensor) -> tuple[float, Tensor]:
    """
    Mean loss over the batch and its gradient by the predictions.
    """
def measure_peak(seconds: typing.SupportsFloat | typing.SupportsIndex = 0.5) -> float:
    """
    Floating-point operations per second of all threads in a loop of multiply-adds.
    """
def next_seed() -> int:
    """
    A new seed from the process-wide generator.
    """
def num_threads() -> int:
    ...
def resolve_device(name: str) -> str:
    """
    The device that a name stands for; an error where it is not.
    """
def set_cpu_isa(name: str) -> None:
    ...
def set_cpu_lanes(name: str) -> None:
    """
    What the vectors of a CPU step hold: "images", "channels", or "auto" for the better.
    """
def set_default_device(name: str) -> None:
    """
    For what is made from now on: "auto", "cpu" or "cuda".
    """
def set_float32_precision(name: str) -> None:
    ...
def set_num_threads(count: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Threads that share the work; results do not depend on it.
    """
def set_random_seed(seed: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Seeds everything random that comes after: weights and shuffles.
    """
def start_cuda_timer() -> collections.abc.Callable[[], float]:
    """
    Begins to measure by the GPU's clock; the result tells the seconds when it is called.
    """
def update_parameter(rule: SGD | Adam | RMSprop, parameter: Tensor, gradient: Tensor, state: Tensor, learning_rate: typing.SupportsFloat | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex = 1) -> tuple[Tensor, Tensor]:
    """
    One step of an optimizer: the new parameter and state; `state` is (arrays, *shape).
    """
__version__: str = '0.1.0'
compiler: str = 'GNU 12.2.0'
