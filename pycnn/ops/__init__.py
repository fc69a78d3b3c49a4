"""Every op of the core as a function on arrays, forward and backward: for study and for tests.

Images are NHWC: (batch, height, width, channels); convolution kernels are (height, width, in, out),
dense kernels (in, out). Arrays of real numbers that float32 can hold are accepted, and what
`numpy.asarray` makes one of; a fresh float32 array comes back. `op_backward` takes `dy`, the
gradient of some number E by the op's output, and gives the gradients of E by the op's inputs;
gradients by parameters are sums over the batch.

Each call builds a network of one layer and runs it as training would, so what is computed here is
what a model computes. The core checks shapes and options: ValueError, in words that begin with the
op, for whatever does not fit. A NaN passes through ReLU and max pooling as through any other op.
"""

from __future__ import annotations

from pycnn.ops.activation import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
)
from pycnn.ops.augmentation import augment, augment_backward
from pycnn.ops.convolution import (
    conv2d,
    conv2d_backward,
    depthwise_conv2d,
    depthwise_conv2d_backward,
)
from pycnn.ops.core import (
    dense,
    dense_backward,
    flatten,
    flatten_backward,
    rescale,
    rescale_backward,
)
from pycnn.ops.local_response import local_response_norm, local_response_norm_backward
from pycnn.ops.losses import (
    cross_entropy,
    cross_entropy_backward,
    mean_squared_error,
    mean_squared_error_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from pycnn.ops.merge import add, add_backward, concatenate, concatenate_backward
from pycnn.ops.normalization import (
    batch_normalization,
    batch_normalization_backward,
    batch_normalization_training,
    batch_normalization_training_backward,
)
from pycnn.ops.optimizers import adam, rmsprop, sgd
from pycnn.ops.pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    global_max_pool2d,
    global_max_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from pycnn.ops.regularization import dropout, dropout_backward
from pycnn.ops.reshaping import (
    permute,
    permute_backward,
    reshape,
    reshape_backward,
    zero_pad2d,
    zero_pad2d_backward,
)

__all__ = [
    "adam",
    "add",
    "add_backward",
    "augment",
    "augment_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_normalization",
    "batch_normalization_backward",
    "batch_normalization_training",
    "batch_normalization_training_backward",
    "concatenate",
    "concatenate_backward",
    "conv2d",
    "conv2d_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "dense",
    "dense_backward",
    "depthwise_conv2d",
    "depthwise_conv2d_backward",
    "dropout",
    "dropout_backward",
    "elu",
    "elu_backward",
    "flatten",
    "flatten_backward",
    "gelu",
    "gelu_backward",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "global_max_pool2d",
    "global_max_pool2d_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "local_response_norm",
    "local_response_norm_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "mean_squared_error",
    "mean_squared_error_backward",
    "permute",
    "permute_backward",
    "relu",
    "relu_backward",
    "rescale",
    "rescale_backward",
    "reshape",
    "reshape_backward",
    "rmsprop",
    "sgd",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "tanh",
    "tanh_backward",
    "zero_pad2d",
    "zero_pad2d_backward",
]
