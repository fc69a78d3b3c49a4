"""How far a float32 result may lie from the float64 reference: the one place where it is stated.

A sum of n terms t_k in float32, in any order, is wrong by at most n * u * sum|t_k| (Higham,
Accuracy and Stability of Numerical Algorithms, 4.2), u = 2^-24; rounding errors that are
independent grow with sqrt(n) only (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019). We ask for
the latter:

    |core - reference| <= EPS * (1 + 2 sqrt(n)) * sum|t_k|,   EPS = 2^-23

The 1 leaves room for exp, log and division, which are a unit or two in the last place off. n = 0
stands for a result that is picked or copied: it must be equal. For every op and direction a
function below gives (n, sum|t_k|) for each of its results, the sums by the reference on absolute
values.
"""

import numpy as np
import reference as ref
from cases import Arrays

from pycnn import _core

EPS = 2.0**-23
TINY = 1e-37  # results near the smallest normal number may be flushed to zero

Magnitude = tuple[float, np.ndarray]


def allowed(terms: float, magnitude: np.ndarray) -> np.ndarray:
    if terms == 0:
        return np.zeros_like(magnitude)
    return EPS * (1 + 2 * np.sqrt(terms)) * magnitude + TINY


def _abs(arrays: Arrays, *names: str) -> list[np.ndarray]:
    return [np.abs(arrays[name].astype(np.float64)) for name in names if name in arrays]


def _conv2d(arrays, **options):
    terms = np.prod(arrays["kernel"].shape[:3]) + 1
    if _may_be_winograd(arrays, options):
        pads = ref.conv2d_pads(arrays["x"], arrays["kernel"], options["padding"])
        sums = _winograd(*_abs(arrays, "x", "kernel"), pads) + sum(_abs(arrays, "bias"))
        return [(terms, sums)]
    return [(terms, ref.conv2d(*_abs(arrays, "x", "kernel", "bias"), **options))]


def _conv2d_backward(arrays, **options):
    dx, dkernel, dbias = ref.conv2d_backward(*_abs(arrays, "dy", "x", "kernel"), **options)
    height, width, _, filters = arrays["kernel"].shape
    places, seen_by = arrays["dy"][..., 0].size, filters // options.get("groups", 1)
    seen = height * width * seen_by
    if _may_be_winograd(arrays, options):
        pads = ref.conv2d_pads(arrays["x"], arrays["kernel"], options["padding"])
        dy, x, kernel = _abs(arrays, "dy", "x", "kernel")
        flipped = kernel[::-1, ::-1].swapaxes(2, 3)
        dx = _winograd(dy, flipped, [(2 - before, 2 - after) for before, after in pads])
        dkernel = _winograd_kernel(dy, x, pads)
    return [(seen, dx), (places, dkernel), (places, dbias)]


# Winograd's F(4, 3) along the rows: a tile's outputs are made of the products of six columns and
# three taps at six points, most of which cancel. SQUARES[j, p, q] is the square of what column p
# times tap q is multiplied by for output j, whether it belongs to that sum or not, summed over the
# points. The products' errors are independent, so here their squares are added, not their sizes,
# and SIGMAS of the root allowed.
_COLUMNS = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_TAPS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OUTPUTS = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)
SQUARES = np.einsum("jk,kp,kq->jpq", _OUTPUTS**2, _COLUMNS**2, _TAPS**2)
SIGMAS = 4.0


def _may_be_winograd(arrays, options) -> bool:
    """Whether a kernel may go that way: with channels in the lanes, in rows that fill the tiles."""
    kernel, width = arrays["kernel"], arrays["x"].shape[2]
    simple = all(options.get(name, 1) in (1, (1, 1)) for name in ("strides", "dilation", "groups"))
    if kernel.shape[:2] != (3, 3) or min(kernel.shape[2:]) < 16 or not simple:
        return False
    (_, _), (left, right) = ref.conv2d_pads(arrays["x"], kernel, options["padding"])
    width += left + right - 2
    return _core.cpu_lanes() != "images" and 24 * -(-width // 4) <= 9 * width


def _tiles(x, pads, width):
    """Padded or cropped, and so many zeros to the right that there are six columns to each tile."""
    crop = [
        slice(max(0, -before), x.shape[1 + i] - max(0, -after))
        for i, (before, after) in enumerate(pads)
    ]
    x = x[:, crop[0], crop[1]]
    (top, bottom), (left, right) = [[max(0, p) for p in pair] for pair in pads]
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right + 8), (0, 0)))
    tiles = -(-width // 4)
    return np.stack([padded[:, :, p : p + 4 * tiles : 4][:, :, :tiles] for p in range(6)])


def _winograd(x, kernel, pads):
    (_, height, width, _), (top, bottom), (left, right) = x.shape, *pads
    height, width = height + top + bottom - 2, width + left + right - 2
    columns = _tiles(x, pads, width)
    y = np.zeros((4, len(x), height, columns.shape[3], kernel.shape[3]))
    for (j, p, q), factor in np.ndenumerate(SQUARES):
        for a in range(3):
            y[j] += factor * (columns[p][:, a : a + height] ** 2 @ kernel[a, q] ** 2)
    y = np.moveaxis(y, 0, 3).reshape(len(x), height, -1, kernel.shape[3])
    return SIGMAS * np.sqrt(y[:, :, :width])


def _winograd_kernel(dy, x, pads):
    height, width = dy.shape[1:3]
    columns = _tiles(x, pads, width)
    gradients = _tiles(dy, ((0, 0), (0, 0)), width)
    dkernel = np.zeros((3, 3, x.shape[3], dy.shape[3]))
    for (j, p, q), factor in np.ndenumerate(SQUARES):
        for a in range(3):
            dkernel[a, q] += factor * np.tensordot(
                columns[p][:, a : a + height] ** 2, gradients[j] ** 2, axes=([0, 1, 2],) * 2
            )
    return SIGMAS * np.sqrt(dkernel)


def _depthwise_conv2d(arrays, **options):
    terms = np.prod(arrays["kernel"].shape[:2]) + 1
    return [(terms, ref.depthwise_conv2d(*_abs(arrays, "x", "kernel", "bias"), **options))]


def _depthwise_conv2d_backward(arrays, **options):
    sums = ref.depthwise_conv2d_backward(*_abs(arrays, "dy", "x", "kernel"), **options)
    height, width, _, multiplier = arrays["kernel"].shape
    places = arrays["dy"][..., 0].size
    return list(zip((height * width * multiplier, places, places), sums, strict=True))


def _dense(arrays):
    return [(len(arrays["kernel"]) + 1, ref.dense(*_abs(arrays, "x", "kernel", "bias")))]


def _dense_backward(arrays):
    sums = ref.dense_backward(*_abs(arrays, "dy", "x", "kernel"))
    batch, units = arrays["dy"].shape
    return list(zip((units, batch, batch), sums, strict=True))


def _picked(arrays):
    return [(0, next(iter(arrays.values())))]


def _copied_gradient(arrays, **options):
    return [(0, arrays["x"])]


def _max_pool2d(arrays, **options):
    return [(0, ref.max_pool2d(arrays["x"], **options))]


def _max_pool2d_backward(arrays, **options):
    (dy,) = _abs(arrays, "dy")
    sums = ref.max_pool2d_backward(dy, arrays["x"], **options)
    return [(_overlap(options), sums)]


def _avg_pool2d(arrays, **options):
    terms = np.prod(ref.pair(options["pool_size"]))
    return [(terms, ref.avg_pool2d(*_abs(arrays, "x"), **options))]


def _avg_pool2d_backward(arrays, **options):
    sums = ref.avg_pool2d_backward(*_abs(arrays, "dy", "x"), **options)
    return [(_overlap(options) + 1, sums)]


def _global_avg_pool2d(arrays, keepdims):
    terms = np.prod(arrays["x"].shape[1:3])
    return [(terms, ref.global_avg_pool2d(*_abs(arrays, "x"), keepdims))]


def _global_avg_pool2d_backward(arrays, keepdims):
    return [(1, ref.global_avg_pool2d_backward(*_abs(arrays, "dy", "x"), keepdims))]


def _add(arrays):
    return [(1, sum(_abs(arrays, "a", "b")))]


def _parts(arrays) -> list[np.ndarray]:
    return [arrays[name] for name in "abc" if name in arrays]


def _copied_parts(arrays, **options):
    return [(0, part) for part in _parts(arrays)]


def _batch_norm_terms(arrays, epsilon, training):
    """What a batch normalization's errors are made of: (n, factor, f, h).

    n: terms of its sums. factor: |gamma| / deviation, with the relative error f of the deviation
    in units of EPS. h: what |x - mean| / deviation may be off by, and its size: x and the mean are
    rounded before they cancel.
    """
    (x,) = _abs(arrays, "x")
    if training:
        variance = ref.batch_statistics(arrays["x"])[1]
        mean = ref.batch_statistics(x)[0]  # of absolute values: what its sum is made of
    else:
        mean, variance = _abs(arrays, "mean", "variance")
    inverse = 1.0 / np.sqrt(variance + epsilon)
    gamma = arrays.get("gamma")
    factor = inverse if gamma is None else np.abs(gamma.astype(np.float64)) * inverse
    n = x[..., 0].size if training else 1
    # Squared deviations: each is off by the rounding of x and mean, twice.
    relative = 1.0 + (2 * mean * inverse if training else 0.0)
    return n, factor, relative, (x + mean) * inverse * relative


def _batch_norm(arrays, epsilon=1e-3, training=False):
    n, _, _, h = _batch_norm_terms(arrays, epsilon, training)
    gamma, beta = arrays.get("gamma"), arrays.get("beta")
    size = h if gamma is None else h * np.abs(gamma.astype(np.float64))
    return [(n + 3, size + (0.0 if beta is None else np.abs(beta.astype(np.float64))))]


def _batch_norm_backward(arrays, epsilon=1e-3, training=False):
    n, factor, relative, h = _batch_norm_terms(arrays, epsilon, training)
    (dy,) = _abs(arrays, "dy")
    axes, places = tuple(range(dy.ndim - 1)), dy[..., 0].size
    dgamma, dbeta = (dy * h).sum(axis=axes), dy.sum(axis=axes)
    size = dy + dbeta / places + h * dgamma / places if training else dy
    return [(n + 3, size * factor * relative), (places + n + 3, dgamma), (places, dbeta)]


def _overlap(options) -> int:
    """How many windows may share a pixel; 0: none do, the gradient is copied."""
    pool = ref.pair(options["pool_size"])
    strides = pool if options["strides"] is None else ref.pair(options["strides"])
    shared = np.prod([-(-k // s) for k, s in zip(pool, strides, strict=True)])
    return 0 if shared == 1 else int(shared)


def _sigmoid(arrays):
    return [(1, ref.sigmoid(arrays["x"]))]


def _sigmoid_backward(arrays):
    return [(1, np.abs(arrays["dy"]) * ref.sigmoid(arrays["x"]))]  # 1 - y is exact to EPS, not less


def _tanh(arrays):
    return [(1, np.ones(arrays["x"].shape))]  # a quotient of exponentials: exact to EPS, not less


def _tanh_backward(arrays):
    return [(1, np.abs(arrays["dy"].astype(np.float64)))]


def _softmax_error(x: np.ndarray) -> np.ndarray:
    """Relative error of exp(x - m), in EPS: that of its argument, which is as large as x."""
    x = x.astype(np.float64)
    return 1.0 + np.abs(x - x.max(axis=-1, keepdims=True))


def _softmax(arrays):
    x = arrays["x"]
    return [(x.shape[-1], ref.softmax(x) * _softmax_error(x))]


def _softmax_backward(arrays):
    (dy,) = _abs(arrays, "dy")
    x, p = arrays["x"], ref.softmax(arrays["x"])
    weighted = p * _softmax_error(x)
    sums = weighted * dy + p * (weighted * dy).sum(axis=-1, keepdims=True)
    return [(x.shape[-1], sums + weighted * (p * dy).sum(axis=-1, keepdims=True))]


def _leaky_relu(arrays, negative_slope=0.2):
    return [(1, np.abs(ref.leaky_relu(arrays["x"], negative_slope)))]


def _leaky_relu_backward(arrays, negative_slope=0.2):
    return [(1, np.abs(ref.leaky_relu_backward(arrays["dy"], arrays["x"], negative_slope)))]


def _elu(arrays, alpha=1.0):
    return [(1, np.abs(ref.elu(arrays["x"], alpha)))]


def _elu_backward(arrays, alpha=1.0):
    dy = np.abs(arrays["dy"].astype(np.float64))
    return [(1, dy * np.maximum(alpha, 1.0))]  # y + alpha is exact to EPS * alpha, not less


def _gelu_error(x, approximate):
    """Relative error of the lower tail, in EPS: its polynomial's and that of exp's argument."""
    argument = 2 * ref.gelu_tanh_argument(x) if approximate else 0.5 * x**2
    return 1.0 + np.abs(argument)


def _gelu(arrays, approximate=False):
    x = arrays["x"].astype(np.float64)
    p = ref.normal_distribution(x, approximate)
    # The tail's error counts in either direction: above 0 it is what 1 lacks.
    wrong = p + np.minimum(p, 1.0 - p) * _gelu_error(x, approximate)
    return [(2, np.abs(x) * wrong)]


def _gelu_backward(arrays, approximate=False):
    x = arrays["x"].astype(np.float64)
    p = ref.normal_distribution(x, approximate)
    slope = np.abs(ref.gelu_backward(1.0, x, approximate) - p)  # |x| times the density
    if approximate:  # s (1 - s): 1 - s is exact to EPS, not less
        slope = slope * _gelu_error(x, True) + p * np.abs(x) * (2 + x**2)
        slope = np.where(np.abs(x) < 15, slope, 0.0)
    else:
        slope = slope * _gelu_error(x, False)
    tail = np.minimum(p, 1.0 - p) * _gelu_error(x, approximate)
    return [(2, np.abs(arrays["dy"].astype(np.float64)) * (p + tail + slope))]


def _local_response_error(x, n, k, alpha, beta):
    """Relative error of s^-beta, in EPS: of the sum, times beta, and of the logarithm."""
    s = ref.local_response_scale(x, n, k, alpha)
    return s, 1.0 + abs(beta) * (np.sqrt(min(n, x.shape[-1])) + np.abs(np.log(s)))


def _local_response_norm(arrays, n=5, k=2.0, alpha=1e-4, beta=0.75):
    x = arrays["x"].astype(np.float64)
    s, error = _local_response_error(x, n, k, alpha, beta)
    return [(1, np.abs(x) / s**beta * error)]


def _local_response_norm_backward(arrays, n=5, k=2.0, alpha=1e-4, beta=0.75):
    dy, x = _abs(arrays, "dy", "x")
    s, error = _local_response_error(x, n, k, alpha, beta)
    shares = ref.channel_sums(dy * x / s ** (beta + 1) * error, (n - 1) // 2, n // 2)
    return [(min(n, x.shape[-1]), dy / s**beta * error + 2 * alpha * abs(beta) * x * shares)]


def _dropout(arrays, rate, seed=0):
    return [(0 if rate in (0.0, 0.5) else 1, np.abs(ref.dropout(arrays["x"], rate, seed)))]


def _dropout_backward(arrays, rate, seed=0):
    return _dropout({"x": arrays["dy"]}, rate, seed)


def _is_whole(options) -> bool:
    return not options.get("rotation") and options.get("scale", (1, 1)) == (1, 1)


def _augment(arrays, **options):
    if _is_whole(options):
        y = np.abs(ref.augment(arrays["x"], **options))
        return [(1 if options.get("brightness") else 0, y + options.get("brightness", 0.0))]
    # A weight is exact to EPS, not less, and so is the place in the picture that it comes from.
    (x,) = _abs(arrays, "x")
    largest = np.maximum(x.max(axis=(1, 2, 3), keepdims=True), abs(options.get("fill", 0.0)))
    y = ref.augment(arrays["x"], **options)
    return [(4, np.broadcast_to(2 * largest + options.get("brightness", 0.0), y.shape))]


def _augment_backward(arrays, brightness=0.0, fill=0.0, **options):
    if _is_whole(options):
        return [(0, np.abs(arrays["x"]))]
    # As if every pixel of dy came with a weight of 1 wherever it comes at all, or nearly.
    (dy,) = _abs(arrays, "dy")
    shape = arrays["x"].shape
    sums, most = [], 1
    for d, (_, weights) in zip(dy, ref.augment_weights(shape, reach=1e-6, **options), strict=True):
        met = (weights > 0).astype(np.float64)
        sums.append(met.T @ d.reshape(-1, shape[3]))
        most = max(most, met.sum(axis=0).max())
    return [(most + 3, np.stack(sums).reshape(shape))]


def _rescale(arrays, scale, offset=0.0):
    return [(1, np.abs(arrays["x"].astype(np.float64) * scale) + abs(offset))]


def _rescale_backward(arrays, scale, offset=0.0):
    return [(1, np.abs(arrays["dy"].astype(np.float64) * scale))]


def _softmax_cross_entropy(arrays):
    z = arrays["logits"].astype(np.float64)
    y = ref.targets(arrays["labels"], z.shape[1])
    errors = _softmax_error(z) + np.log(z.shape[1])
    return [(z.size, np.float64((y * errors).sum() / len(z)))]


def _softmax_cross_entropy_backward(arrays):
    z = arrays["logits"]
    y = ref.targets(arrays["labels"], z.shape[1])
    p = ref.softmax(z) * _softmax_error(z)
    return [(z.shape[1], (p * y.sum(axis=1, keepdims=True) + y) / len(z))]


def _cross_entropy(arrays):
    p = arrays["probabilities"].astype(np.float64)
    y = ref.targets(arrays["labels"], p.shape[1])
    return [(p.size, np.float64((y * (1 + np.abs(np.log(p)))).sum() / len(p)))]


def _cross_entropy_backward(arrays):
    p = arrays["probabilities"].astype(np.float64)
    y = ref.targets(arrays["labels"], p.shape[1])
    totals = y.sum(axis=1, keepdims=True) / p.sum(axis=1, keepdims=True)
    return [(p.shape[1], (y / p + totals) / len(p))]


def _mean_squared_error(arrays):
    a, b = _abs(arrays, "y_pred", "y_true")
    return [(a.size, np.float64(np.mean((a + b) ** 2)))]


def _mean_squared_error_backward(arrays):
    a, b = _abs(arrays, "y_pred", "y_true")
    return [(1, 2 * (a + b) / a.size)]


def _sgd(arrays, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
    w, g = _abs(arrays, "parameter", "gradient")
    v = np.abs(arrays.get("velocity", np.zeros(w.shape)).astype(np.float64))
    step = momentum * v + learning_rate * g
    return [(4, w + 2 * step), (2, step)]


def _adam(arrays, step=1, learning_rate=0.001, beta_1=0.9, beta_2=0.999, **options):
    w, g = _abs(arrays, "parameter", "gradient")
    _, new = ref.adam(**arrays, step=step, beta_1=beta_1, beta_2=beta_2, **options)
    before = np.abs(arrays.get("state", np.zeros(new.shape)).astype(np.float64))
    # m + (1 - beta) (g - m): every term counts, a sum near 0 does not
    mean = before[0] + (1 - beta_1) * (g + before[0])
    square = before[1] + (1 - beta_2) * (g**2 + before[1])
    rate = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    change = rate * mean / (np.sqrt(new[-1]) + options.get("epsilon", 1e-7))
    # the step: mean, rate, root, sum, quotient, and half of the square's roundings
    decayed = w * (1 + learning_rate * options.get("weight_decay", 0.0))
    return [
        (16, decayed + change * (1 + square / new[-1])),
        (4, np.stack([mean, square, np.maximum(square, new[-1])][: len(new)])),
    ]


def _rmsprop(arrays, learning_rate=0.001, **options):
    w, g = _abs(arrays, "parameter", "gradient")
    _, new = ref.rmsprop(**arrays, learning_rate=learning_rate, **options)
    square, variance, magnitudes = new[0], new[0], [new[0]]
    before = np.abs(arrays.get("state", np.zeros(new.shape)).astype(np.float64))
    if options.get("centered"):
        rho = options.get("rho", 0.9)
        magnitudes.append(rho * before[1] + (1 - rho) * g)
        variance = square - new[1] ** 2
        square = square + magnitudes[1] ** 2  # what cancels keeps its rounding errors
    denominator = variance + options.get("epsilon", 1e-7)
    change = learning_rate * g / np.sqrt(denominator) * (1 + square / denominator)
    if options.get("momentum", 0.0) > 0:
        change = change + options["momentum"] * before[-1]
        magnitudes.append(change)
    decayed = w * (1 + learning_rate * options.get("weight_decay", 0.0))
    return [(16, decayed + change), (16, np.stack(magnitudes))]


FORWARD = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "global_avg_pool2d": _global_avg_pool2d,
    "global_max_pool2d": lambda arrays, keepdims: [
        (0, ref.global_max_pool2d(arrays["x"], keepdims))
    ],
    "dense": _dense,
    "relu": _picked,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "softmax": _softmax,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "local_response_norm": _local_response_norm,
    "dropout": _dropout,
    "augment": _augment,
    "flatten": lambda arrays: [(0, ref.flatten(arrays["x"]))],
    "rescale": _rescale,
    "zero_pad2d": lambda arrays, **options: [(0, ref.zero_pad2d(arrays["x"], **options))],
    "reshape": lambda arrays, **options: [(0, ref.reshape(arrays["x"], **options))],
    "permute": lambda arrays, **options: [(0, ref.permute(arrays["x"], **options))],
    "add": _add,
    "concatenate": lambda arrays, axis: [(0, ref.concatenate(_parts(arrays), axis))],
    "batch_normalization": _batch_norm,
    "batch_normalization_training": lambda arrays, **options: _batch_norm(
        arrays, training=True, **options
    ),
    "softmax_cross_entropy": _softmax_cross_entropy,
    "cross_entropy": _cross_entropy,
    "mean_squared_error": _mean_squared_error,
    "sgd": _sgd,
    "adam": _adam,
    "rmsprop": _rmsprop,
}

BACKWARD = {
    "conv2d": _conv2d_backward,
    "depthwise_conv2d": _depthwise_conv2d_backward,
    "max_pool2d": _max_pool2d_backward,
    "avg_pool2d": _avg_pool2d_backward,
    "global_avg_pool2d": _global_avg_pool2d_backward,
    "global_max_pool2d": _copied_gradient,
    "dense": _dense_backward,
    "relu": _copied_gradient,
    "sigmoid": _sigmoid_backward,
    "tanh": _tanh_backward,
    "softmax": _softmax_backward,
    "leaky_relu": _leaky_relu_backward,
    "elu": _elu_backward,
    "gelu": _gelu_backward,
    "local_response_norm": _local_response_norm_backward,
    "dropout": _dropout_backward,
    "augment": _augment_backward,
    "flatten": _copied_gradient,
    "rescale": _rescale_backward,
    "zero_pad2d": _copied_gradient,
    "reshape": _copied_gradient,
    "permute": _copied_gradient,
    "add": _copied_parts,
    "concatenate": _copied_parts,
    "batch_normalization": _batch_norm_backward,
    "batch_normalization_training": lambda arrays, **options: _batch_norm_backward(
        arrays, training=True, **options
    ),
    "softmax_cross_entropy": _softmax_cross_entropy_backward,
    "cross_entropy": _cross_entropy_backward,
    "mean_squared_error": _mean_squared_error_backward,
}
