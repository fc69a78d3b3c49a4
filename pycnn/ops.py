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

import numpy as np
import numpy.typing as npt

from pycnn import _core
from pycnn._convolutions import add_conv2d, add_depthwise_conv2d
from pycnn._ops_global_pool import (
    global_avg_pool2d,
    global_avg_pool2d_backward,
    global_max_pool2d,
    global_max_pool2d_backward,
)
from pycnn._ops_merge import add, add_backward, concatenate, concatenate_backward
from pycnn._ops_normalization import (
    batch_normalization,
    batch_normalization_backward,
    batch_normalization_training,
    batch_normalization_training_backward,
)
from pycnn._ops_shape import (
    permute,
    permute_backward,
    reshape,
    reshape_backward,
    zero_pad2d,
    zero_pad2d_backward,
)
from pycnn._single_layer import (
    AddLayer,
    Array,
    Padding,
    Size,
    as_float32,
    as_kernel,
    as_numpy,
    as_padding,
    as_pair,
    backward,
    build,
    elementwise,
    elementwise_backward,
    format_shape,
    forward,
)

__all__ = [
    "adam",
    "add",
    "add_backward",
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


# Convolution -------------------------------------------------------------------------------------


def conv2d(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Two-dimensional convolution (no flip of the kernel, as in every CNN library).

    y[n,i,j,o] = bias[o]
        + sum_abc x[n, i*s_h + a*d_h - top, j*s_w + b*d_w - left, c] * kernel[a,b,c,o],
    where with groups c counts from the first channel of o's group.

    Args:
        x: (batch, height, width, in).
        kernel: (kernel height, kernel width, in / groups, out).
        bias: (out,), or None for no bias.
        strides: one number, or (vertical, horizontal), in pixels.
        padding: "valid" (none), "same" (output size ceil(N / S); an odd pixel goes to the bottom
            and right, as in TensorFlow) or ((top, bottom), (left, right)) rows and columns of 0.
        dilation: steps in pixels from tap to tap of the kernel, (d_h, d_w) or one number; above 1
            only with strides of 1.
        groups: in how many equal parts the input and output channels are cut; each part of the
            output sees its part of the input alone.

    Returns:
        (batch, out height, out width, out), each size floor((N - F + P) / S) + 1, where
        F = (taps - 1) * dilation + 1.

    Raises:
        ValueError: the kernel does not fit the input, ranks or channels do not agree, a stride or
            dilation is not positive, groups do not divide the channels, the batch is empty.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "Conv2D")
    parameters = [weights] if bias is None else [weights, as_float32(bias, "bias")]
    add = add_conv2d(images, weights, strides, padding, dilation, groups, bias is not None)
    return forward("Conv2D", images, add, parameters)


def conv2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """Gradients of `conv2d`: (dx, dkernel, dbias), of the shapes of x, kernel and bias.

    dkernel[a,b,c,o] = sum_nij dy[n,i,j,o] * x[n, i*s_h + a*d_h - top, j*s_w + b*d_w - left, c];
    dbias[o] = sum_nij dy[n,i,j,o]; dx takes each dy[n,i,j,o] * kernel[a,b,c,o] back to the pixel
    that it came from. Arguments and errors as for `conv2d`; dy has the shape of its result.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "Conv2D")
    parameters = [weights, np.zeros(weights.shape[3], np.float32)]
    add = add_conv2d(images, weights, strides, padding, dilation, groups, True)
    dx, (dkernel, dbias) = backward("Conv2D", dy, images, add, parameters)
    return dx, dkernel, dbias


def depthwise_conv2d(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
) -> Array:
    """Convolution of each channel alone, with `multiplier` kernels for each.

    y[n,i,j, c*multiplier + q] = bias[c*multiplier + q]
        + sum_ab x[n, i*s_h + a*d_h - top, j*s_w + b*d_w - left, c] * kernel[a,b,c,q]:
    `conv2d` with groups = in and the kernel in the shape (height, width, 1, in * multiplier).

    Args:
        x: (batch, height, width, in).
        kernel: (kernel height, kernel width, in, multiplier).
        bias: (in * multiplier,), or None for no bias.
        strides: as for `conv2d`.
        padding: as for `conv2d`.
        dilation: as for `conv2d`.

    Returns:
        (batch, out height, out width, in * multiplier), sizes as of `conv2d`.

    Raises:
        ValueError: as `conv2d`.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "DepthwiseConv2D")
    parameters = [weights] if bias is None else [weights, as_float32(bias, "bias")]
    add = add_depthwise_conv2d(images, weights, strides, padding, dilation, bias is not None)
    return forward("DepthwiseConv2D", images, add, parameters)


def depthwise_conv2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    strides: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
) -> tuple[Array, Array, Array]:
    """Gradients of `depthwise_conv2d`: (dx, dkernel, dbias), of the shapes of x, kernel and bias.

    They are those of `conv2d` with groups = in. Arguments and errors as for `depthwise_conv2d`; dy
    has the shape of its result.
    """
    images, weights = as_float32(x), as_kernel(kernel, 4, "DepthwiseConv2D")
    parameters = [weights, np.zeros(weights.shape[2] * weights.shape[3], np.float32)]
    add = add_depthwise_conv2d(images, weights, strides, padding, dilation, True)
    dx, (dkernel, dbias) = backward("DepthwiseConv2D", dy, images, add, parameters)
    return dx, dkernel, dbias


# Pooling -----------------------------------------------------------------------------------------


def max_pool2d(
    x: npt.ArrayLike, pool_size: Size = 2, strides: Size | None = None, padding: Padding = "valid"
) -> Array:
    """The largest value of each window, channel by channel.

    Args:
        x: (batch, height, width, channels).
        pool_size: height and width of the window, or one number for both.
        strides: steps of the window; None: the window's size.
        padding: "valid", "same" or ((top, bottom), (left, right)), each less than the window;
            padding is -infinity, it never wins.

    Returns:
        (batch, out height, out width, channels), each size floor((N - F + P) / S) + 1.

    Raises:
        ValueError: the window does not fit, x is not of rank 4, a size is not positive.
    """
    images = as_float32(x)
    return forward("MaxPooling2D", images, _max_pool_layer(pool_size, strides, padding))


def max_pool2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    pool_size: Size = 2,
    strides: Size | None = None,
    padding: Padding = "valid",
) -> Array:
    """Gradient of `max_pool2d` by x: each dy goes to the maximum of its window alone.

    Of equal maxima the first in row-major order takes it; windows that overlap add up.
    """
    add = _max_pool_layer(pool_size, strides, padding)
    return backward("MaxPooling2D", dy, as_float32(x), add)[0]


def avg_pool2d(
    x: npt.ArrayLike, pool_size: Size = 2, strides: Size | None = None, padding: Padding = "valid"
) -> Array:
    """The mean of each window, channel by channel; padding is not counted, as in Keras.

    Arguments, shapes and errors as for `max_pool2d`.
    """
    return forward("AveragePooling2D", as_float32(x), _avg_pool_layer(pool_size, strides, padding))


def avg_pool2d_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    pool_size: Size = 2,
    strides: Size | None = None,
    padding: Padding = "valid",
) -> Array:
    """Gradient of `avg_pool2d` by x: each dy in equal shares to its window's pixels.

    Only the shape of x matters.
    """
    add = _avg_pool_layer(pool_size, strides, padding)
    return backward("AveragePooling2D", dy, as_float32(x), add)[0]


# Dense and shape ---------------------------------------------------------------------------------


def dense(x: npt.ArrayLike, kernel: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Array:
    """Fully connected layer: y = x @ kernel + bias.

    Args:
        x: (batch, in).
        kernel: (in, out).
        bias: (out,), or None for no bias.

    Returns:
        (batch, out).

    Raises:
        ValueError: ranks or sizes do not agree, the batch is empty.
    """
    rows, weights = as_float32(x), as_kernel(kernel, 2, "Dense")
    parameters = [weights] if bias is None else [weights, as_float32(bias, "bias")]
    return forward("Dense", rows, _dense_layer(rows, weights, bias is not None), parameters)


def dense_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, kernel: npt.ArrayLike
) -> tuple[Array, Array, Array]:
    """Gradients of `dense`: dx = dy @ kernel^T, dkernel = x^T @ dy, dbias = sum of dy's rows."""
    rows, weights = as_float32(x), as_kernel(kernel, 2, "Dense")
    parameters = [weights, np.zeros(weights.shape[1], np.float32)]
    dx, (dkernel, dbias) = backward(
        "Dense", dy, rows, _dense_layer(rows, weights, True), parameters
    )
    return dx, dkernel, dbias


def flatten(x: npt.ArrayLike) -> Array:
    """(batch, ...) -> (batch, product of the rest), in row-major order."""
    return forward("Flatten", as_float32(x), lambda graph, value: graph.flatten(value))


def flatten_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `flatten`: dy in the shape of x."""
    return backward("Flatten", dy, as_float32(x), lambda graph, value: graph.flatten(value))[0]


def rescale(x: npt.ArrayLike, scale: float, offset: float = 0.0) -> Array:
    """X * scale + offset, for x of any shape; ValueError unless both numbers are finite."""
    return elementwise("Rescaling", x, _rescale_layer(scale, offset))


def rescale_backward(
    dy: npt.ArrayLike, x: npt.ArrayLike, scale: float, offset: float = 0.0
) -> Array:
    """Gradient of `rescale` by x: dy * scale."""
    return elementwise_backward("Rescaling", dy, x, _rescale_layer(scale, offset))


# Activations -------------------------------------------------------------------------------------


def relu(x: npt.ArrayLike) -> Array:
    """max(0, x), for x of any shape; a NaN stays a NaN."""
    return elementwise("ReLU", x, _activation_layer("relu"))


def relu_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `relu`: dy where x > 0, else 0 (at 0 as well)."""
    return elementwise_backward("ReLU", dy, x, _activation_layer("relu"))


def sigmoid(x: npt.ArrayLike) -> Array:
    """1 / (1 + exp(-x)), for x of any shape."""
    return elementwise("Sigmoid", x, _activation_layer("sigmoid"))


def sigmoid_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `sigmoid`: dy * y * (1 - y)."""
    return elementwise_backward("Sigmoid", dy, x, _activation_layer("sigmoid"))


def tanh(x: npt.ArrayLike) -> Array:
    """Hyperbolic tangent, for x of any shape."""
    return elementwise("Tanh", x, _activation_layer("tanh"))


def tanh_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `tanh`: dy * (1 - y^2)."""
    return elementwise_backward("Tanh", dy, x, _activation_layer("tanh"))


def softmax(x: npt.ArrayLike) -> Array:
    """exp(x_j - m) / sum_k exp(x_k - m) over the last axis, m the largest x; any other axes."""
    return elementwise("Softmax", x, _activation_layer("softmax"))


def softmax_backward(dy: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Gradient of `softmax`: y_j * (dy_j - sum_k dy_k y_k)."""
    return elementwise_backward("Softmax", dy, x, _activation_layer("softmax"))


def leaky_relu(x: npt.ArrayLike, negative_slope: float = 0.2) -> Array:
    """X above 0, negative_slope * x elsewhere, for x of any shape (default as `keras.ops`).

    Raises:
        ValueError: the slope is negative or not finite.
    """
    return elementwise("LeakyReLU", x, _activation_layer("leaky_relu", negative_slope))


def leaky_relu_backward(dy: npt.ArrayLike, x: npt.ArrayLike, negative_slope: float = 0.2) -> Array:
    """Gradient of `leaky_relu`: dy where x > 0, else dy * negative_slope (at 0 as well)."""
    layer = _activation_layer("leaky_relu", negative_slope)
    return elementwise_backward("LeakyReLU", dy, x, layer)


def elu(x: npt.ArrayLike, alpha: float = 1.0) -> Array:
    """X above 0, alpha * (exp(x) - 1) elsewhere, for x of any shape.

    Raises:
        ValueError: alpha is negative or not finite.
    """
    return elementwise("ELU", x, _activation_layer("elu", alpha))


def elu_backward(dy: npt.ArrayLike, x: npt.ArrayLike, alpha: float = 1.0) -> Array:
    """Gradient of `elu`: dy where x > 0, else dy * (y + alpha) (at 0 as well)."""
    return elementwise_backward("ELU", dy, x, _activation_layer("elu", alpha))


def gelu(x: npt.ArrayLike, approximate: bool = False) -> Array:
    """X * P(x), P(x) = (1 + erf(x / sqrt(2))) / 2 the normal distribution; any shape.

    The lower tail of P is computed without cancellation: its relative error is below
    (4 + x^2 / 2) * 1.2e-7, that of erf 4e-7 absolute. `approximate`: (1 + tanh(u)) / 2 in place
    of P, with u = sqrt(2 / pi) * (x + 0.044715 * x^3).
    """
    return elementwise("GELU", x, _activation_layer("gelu_tanh" if approximate else "gelu"))


def gelu_backward(dy: npt.ArrayLike, x: npt.ArrayLike, approximate: bool = False) -> Array:
    """Gradient of `gelu`: dy * (P(x) + x * p(x)), p(x) = exp(-x^2 / 2) / sqrt(2 pi)."""
    layer = _activation_layer("gelu_tanh" if approximate else "gelu")
    return elementwise_backward("GELU", dy, x, layer)


# Normalization and regularization ----------------------------------------------------------------


def local_response_norm(
    x: npt.ArrayLike, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> Array:
    """Local response normalization across channels (AlexNet: Krizhevsky et al. 2012, 3.3).

    y_i = x_i / s_i^beta with s_i = k + alpha * sum of x_j^2 over the channels j from i - n // 2
    to i + (n - 1) // 2 that exist. Alpha multiplies the sum, as in the paper; PyTorch divides its
    alpha by n first.

    Args:
        x: (batch, ..., channels).
        n: channels in the sum, at least 1.
        k: positive.
        alpha: not negative.
        beta: the exponent.

    Returns:
        The shape of x.

    Raises:
        ValueError: an option is out of its range, the batch is empty.
    """
    layer = _local_response_norm_layer(n, k, alpha, beta)
    return forward("LocalResponseNormalization", as_float32(x), layer)


def local_response_norm_backward(
    dy: npt.ArrayLike,
    x: npt.ArrayLike,
    n: int = 5,
    k: float = 2.0,
    alpha: float = 1e-4,
    beta: float = 0.75,
) -> Array:
    """Gradient of `local_response_norm` by x.

    dy_i / s_i^beta - 2 alpha beta x_i * sum of dy_j x_j / s_j^(beta + 1) over the channels j that
    have x_i in their sum. Arguments and errors as for `local_response_norm`.
    """
    layer = _local_response_norm_layer(n, k, alpha, beta)
    return backward("LocalResponseNormalization", dy, as_float32(x), layer)[0]


def dropout(x: npt.ArrayLike, rate: float, seed: int = 0) -> Array:
    """Inverted dropout as in a first training step: 0 for a random share `rate`, else scaled.

    What is kept is x / (1 - rate) (Srivastava et al., JMLR 15, 2014). Element e of image i goes by
    word e % 4 of Philox4x32-10 with key `seed` and counter (i * ceil(elements / 4) + e / 4,
    stream), stream 2^62 + 2^40 * node + step with node and step 0 here; it is kept when the word
    is at least rate * 2^32.

    Args:
        x: (batch, ...).
        rate: at least 0, below 1; 0 changes nothing.
        seed: of the mask, at least 0.

    Raises:
        ValueError: the rate is out of its range, the batch is empty.
    """
    array = as_float32(x)
    network = build("Dropout", array, _dropout_layer(rate), [], seed)
    return as_numpy(network.predict([_core.Tensor(array)], len(array), training=True)[0])


def dropout_backward(dy: npt.ArrayLike, x: npt.ArrayLike, rate: float, seed: int = 0) -> Array:
    """Gradient of `dropout`: dy / (1 - rate) where x was kept, else 0. Only x's shape matters."""
    array = as_float32(x)
    network = build("Dropout", array, _dropout_layer(rate), [], seed)
    upstream = _core.Tensor(as_float32(dy))
    return as_numpy(network.backward([_core.Tensor(array)], [upstream], training=True)[0][0])


# Losses ------------------------------------------------------------------------------------------


def softmax_cross_entropy(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Mean over the batch of -sum_j t_j log softmax(z)_j.

    Args:
        logits: z, (batch, classes).
        labels: t: class numbers, integers (batch,), or one-hot or soft labels (batch, classes).

    Returns:
        The loss in nats per image.

    Raises:
        ValueError: a class number out of range, shapes that do not agree, an empty batch.
    """
    return _loss("softmax_cross_entropy", logits, labels)[0]


def softmax_cross_entropy_backward(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """Gradient of `softmax_cross_entropy` by z: (softmax(z) * sum(t) - t) / batch."""
    return _loss("softmax_cross_entropy", logits, labels)[1]


def cross_entropy(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Mean over the batch of -sum_j t_j log p_j + sum(t) log sum_j p_j: rows need not sum to 1.

    Probabilities are kept in [1e-7, 1 - 1e-7], as in Keras. Arguments and errors as for
    `softmax_cross_entropy`, but for probabilities p in place of logits.
    """
    return _loss("cross_entropy", probabilities, labels)[0]


def cross_entropy_backward(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """Gradient of `cross_entropy` by p: (sum(t) / sum_k p_k - t / p) / batch.

    It is zero where a probability was clipped.
    """
    return _loss("cross_entropy", probabilities, labels)[1]


def mean_squared_error(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> float:
    """Mean over all elements of (y_pred - y_true)^2; both of one shape (batch, ...)."""
    return _loss("mean_squared_error", y_pred, as_float32(y_true, "y_true"))[0]


def mean_squared_error_backward(y_pred: npt.ArrayLike, y_true: npt.ArrayLike) -> Array:
    """Gradient of `mean_squared_error` by y_pred: 2 * (y_pred - y_true) / number of elements."""
    return _loss("mean_squared_error", y_pred, as_float32(y_true, "y_true"))[1]


# Optimizers --------------------------------------------------------------------------------------


def sgd(
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    velocity: npt.ArrayLike | None = None,
    learning_rate: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    """One step of stochastic gradient descent by Keras's rule: (new parameter, new velocity).

    w <- w - rate * decay * w; v <- momentum * v - rate * g; then w <- w + v, or with Nesterov
    w <- w + momentum * v - rate * g. The three arrays have one shape; velocity None means zeros.

    Raises:
        ValueError: momentum outside [0, 1), Nesterov without momentum, a negative decay, shapes
            that differ.
    """
    speed = None if velocity is None else as_float32(velocity, "velocity")[np.newaxis]
    rule = _core.SGD(momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
    weights, state = _update(rule, 1, parameter, gradient, speed, learning_rate, 1)
    return weights, state[0]


def adam(
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    state: npt.ArrayLike | None = None,
    step: int = 1,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    """One step of Adam by Keras's rule, with a decay that of AdamW: (new parameter, new state).

    w <- w - rate * decay * w; m <- m + (1 - beta_1) * (g - m); v <- v + (1 - beta_2) * (g^2 - v);
    w <- w - rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).
    Sources: Kingma and Ba (2015); Loshchilov and Hutter (2019).

    Args:
        parameter: w, of any shape.
        gradient: g, of the same shape.
        state: (2, *shape): m and v; with amsgrad (3, *shape), the largest v so far for the third,
            which then takes the place of v in the step. None means zeros.
        step: t, from 1.
        learning_rate: the rate.
        beta_1: in [0, 1).
        beta_2: in [0, 1).
        epsilon: positive.
        amsgrad: see state.
        weight_decay: not negative.

    Raises:
        ValueError: an option out of its range, shapes that do not agree.
    """
    rule = _core.Adam(
        beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, amsgrad=amsgrad, weight_decay=weight_decay
    )
    return _update(rule, 3 if amsgrad else 2, parameter, gradient, state, learning_rate, step)


def rmsprop(
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    state: npt.ArrayLike | None = None,
    learning_rate: float = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    """One step of RMSprop by Keras's rule: (new parameter, new state).

    w <- w - rate * decay * w; v <- rho * v + (1 - rho) * g^2; s = rate * g / sqrt(v + epsilon);
    then w <- w - s, or with momentum b <- momentum * b + s; w <- w - b. Centered: with
    a <- rho * a + (1 - rho) * g, max(v - a^2, 0) takes the place of v in the root.
    Sources: Tieleman and Hinton (2012); Graves (2013).

    Args:
        parameter: w, of any shape.
        gradient: g, of the same shape.
        state: (arrays, *shape): v, then a if centered, then b with momentum. None means zeros.
        learning_rate: the rate.
        rho: in [0, 1).
        momentum: in [0, 1).
        epsilon: positive.
        centered: see above.
        weight_decay: not negative.

    Raises:
        ValueError: an option out of its range, shapes that do not agree.
    """
    rule = _core.RMSprop(
        rho=rho, momentum=momentum, epsilon=epsilon, centered=centered, weight_decay=weight_decay
    )
    arrays = 1 + bool(centered) + (momentum != 0)
    return _update(rule, arrays, parameter, gradient, state, learning_rate, 1)


def _update(
    rule: _core.SGD | _core.Adam | _core.RMSprop,
    arrays: int,
    parameter: npt.ArrayLike,
    gradient: npt.ArrayLike,
    state: npt.ArrayLike | None,
    learning_rate: float,
    step: int,
) -> tuple[Array, Array]:
    """A step of any rule; `state` None is so many arrays of zeros."""
    weights = as_float32(parameter, "parameter")
    before = np.zeros((arrays, *weights.shape)) if state is None else state
    new_parameter, new_state = _core.update_parameter(
        rule,
        _core.Tensor(weights),
        _core.Tensor(as_float32(gradient, "gradient")),
        _core.Tensor(as_float32(before, "state")),
        learning_rate,
        step,
    )
    return as_numpy(new_parameter), as_numpy(new_state)


# The layers --------------------------------------------------------------------------------------


def _max_pool_layer(pool_size: Size, strides: Size | None, padding: Padding) -> AddLayer:
    pool = as_pair(pool_size, "MaxPooling2D", "pool_size")
    steps = pool if strides is None else as_pair(strides, "MaxPooling2D", "strides")
    pads = as_padding(padding, "MaxPooling2D")
    return lambda graph, value: graph.max_pool2d(value, pool_size=pool, strides=steps, padding=pads)


def _avg_pool_layer(pool_size: Size, strides: Size | None, padding: Padding) -> AddLayer:
    pool = as_pair(pool_size, "AveragePooling2D", "pool_size")
    steps = pool if strides is None else as_pair(strides, "AveragePooling2D", "strides")
    pads = as_padding(padding, "AveragePooling2D")
    return lambda graph, value: graph.avg_pool2d(value, pool_size=pool, strides=steps, padding=pads)


def _dense_layer(x: Array, kernel: Array, use_bias: bool) -> AddLayer:
    if x.ndim == 2 and x.shape[1] != kernel.shape[0]:
        raise ValueError(
            f"[Dense] kernel {kernel.shape} expects {kernel.shape[0]} features; "
            f"received input shape {format_shape(x)}"
        )
    units = kernel.shape[1]
    return lambda graph, value: graph.dense(
        value, units=units, use_bias=use_bias, kernel_initializer="zeros"
    )


def _rescale_layer(scale: float, offset: float) -> AddLayer:
    return lambda graph, value: graph.rescale(value, scale=scale, offset=offset)


def _activation_layer(kind: str, parameter: float | None = None) -> AddLayer:
    return lambda graph, value: graph.activation(value, kind=kind, parameter=parameter)


def _local_response_norm_layer(n: int, k: float, alpha: float, beta: float) -> AddLayer:
    return lambda graph, value: graph.local_response_norm(value, n=n, k=k, alpha=alpha, beta=beta)


def _dropout_layer(rate: float) -> AddLayer:
    return lambda graph, value: graph.dropout(value, rate=rate)


def _loss(kind: str, predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[float, Array]:
    labels = np.asarray(targets)
    if labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        goal = _core.Tensor(np.ascontiguousarray(labels, dtype=np.int64))
    else:
        goal = _core.Tensor(as_float32(targets, "labels"))
    value, gradient = _core.loss(kind, _core.Tensor(as_float32(predictions, "predictions")), goal)
    return value, as_numpy(gradient)
