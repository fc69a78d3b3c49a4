"""Every op, forward and backward, as naive NumPy in float64: what the native core is held against.

The functions carry the names and arguments of `pycnn.ops`. Loops run over the positions of a kernel
or window, so each line can be read beside its formula. Images are NHWC, kernels (height, width, in,
out), dense weights (in, out).
"""

import math
from collections.abc import Iterator

import numpy as np

CLIP = 1e-7  # probabilities are kept in [CLIP, 1 - CLIP] before a logarithm is taken


def _f64(value):
    return np.asarray(value, dtype=np.float64)


def _f32(number):
    """An option as the core has it, rounded to float32."""
    return float(np.float32(number))


# Geometry --------------------------------------------------------------------------------------


def pair(value):
    """An int or a pair of ints as a pair (height, width)."""
    return (value, value) if isinstance(value, (int, np.integer)) else tuple(value)


def padding_pairs(size, kernel, strides, padding):
    """((top, bottom), (left, right)); 'same' is TensorFlow's rule: the odd pixel goes after."""
    if padding == "valid":
        return ((0, 0), (0, 0))
    if padding == "same":
        pairs = []
        for n, k, s in zip(size, kernel, strides, strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            pairs.append((total // 2, total - total // 2))
        return tuple(pairs)
    return padding


def output_size(size, kernel, strides, pads):
    """(N - F + P) / S + 1, rounded down, for height and width."""
    return tuple(
        (n + before + after - k) // s + 1
        for n, k, s, (before, after) in zip(size, kernel, strides, pads, strict=True)
    )


def positions(
    kernel, strides, out, dilation=(1, 1)
) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
    """For each kernel position (a, b), row by row: the pixels that it meets, as an index.

    `padded[index]` has the shape of the output: entry (i, j) is pixel
    (i * s_h + a * d_h, j * s_w + b * d_w).
    """
    (sh, sw), (oh, ow), (dh, dw) = strides, out, dilation
    for a in range(kernel[0]):
        for b in range(kernel[1]):
            rows = slice(a * dh, a * dh + sh * (oh - 1) + 1, sh)
            columns = slice(b * dw, b * dw + sw * (ow - 1) + 1, sw)
            yield a, b, (slice(None), rows, columns)


def _pad(x, pads, value=0.0):
    return np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)


def _crop(padded, size, pads):
    (top, _), (left, _) = pads
    return padded[:, top : top + size[0], left : left + size[1]]


def _geometry(x, kernel, strides, padding):
    size, strides = x.shape[1:3], pair(strides)
    pads = padding_pairs(size, kernel, strides, padding)
    return size, strides, pads, output_size(size, kernel, strides, pads)


# Convolution -----------------------------------------------------------------------------------


def _conv_geometry(x, kernel, strides, padding, dilation):
    """As `_geometry` with the kernel's extent, its gaps included, and `positions` of its taps."""
    taps, dilation = kernel.shape[:2], pair(dilation)
    extent = tuple((k - 1) * d + 1 for k, d in zip(taps, dilation, strict=True))
    size, strides, pads, out = _geometry(x, extent, strides, padding)
    return size, pads, out, list(positions(taps, strides, out, dilation))


def _parts(groups, *channels):
    """For each group its slice of each number of channels."""
    for g in range(groups):
        yield [slice(g * n // groups, (g + 1) * n // groups) for n in channels]


def conv2d(x, kernel, bias=None, strides=1, padding="valid", dilation=1, groups=1):
    x, kernel = _f64(x), _f64(kernel)
    _, pads, out, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded = _pad(x, pads)
    y = np.zeros((len(x), *out, kernel.shape[3]))
    for i, o in _parts(groups, x.shape[3], kernel.shape[3]):
        for a, b, seen in taps:
            y[..., o] += padded[..., i][seen] @ kernel[a, b, :, o]
    return y if bias is None else y + _f64(bias)


def conv2d_backward(dy, x, kernel, strides=1, padding="valid", dilation=1, groups=1):
    dy, x, kernel = _f64(dy), _f64(x), _f64(kernel)
    size, pads, _, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded = _pad(x, pads)
    dpadded, dkernel = np.zeros_like(padded), np.zeros_like(kernel)
    for i, o in _parts(groups, x.shape[3], kernel.shape[3]):
        for a, b, seen in taps:
            dkernel[a, b, :, o] = np.tensordot(
                padded[..., i][seen], dy[..., o], axes=([0, 1, 2],) * 2
            )
            dpadded[..., i][seen] += dy[..., o] @ kernel[a, b, :, o].T
    return _crop(dpadded, size, pads), dkernel, dy.sum(axis=(0, 1, 2))


def depthwise_conv2d(x, kernel, bias=None, strides=1, padding="valid", dilation=1):
    x, kernel = _f64(x), _f64(kernel)
    _, pads, out, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded = _pad(x, pads)
    y = np.zeros((len(x), *out, *kernel.shape[2:]))
    for a, b, seen in taps:
        y += padded[seen][..., np.newaxis] * kernel[a, b]
    y = y.reshape(*y.shape[:3], -1)
    return y if bias is None else y + _f64(bias)


def depthwise_conv2d_backward(dy, x, kernel, strides=1, padding="valid", dilation=1):
    dy, x, kernel = _f64(dy), _f64(x), _f64(kernel)
    size, pads, _, taps = _conv_geometry(x, kernel, strides, padding, dilation)
    padded, split = _pad(x, pads), dy.reshape(*dy.shape[:3], *kernel.shape[2:])
    dpadded, dkernel = np.zeros_like(padded), np.zeros_like(kernel)
    for a, b, seen in taps:
        dkernel[a, b] = (padded[seen][..., np.newaxis] * split).sum(axis=(0, 1, 2))
        dpadded[seen] += (split * kernel[a, b]).sum(axis=-1)
    return _crop(dpadded, size, pads), dkernel, dy.sum(axis=(0, 1, 2))


# Pooling ---------------------------------------------------------------------------------------


def _max_pool(x, pool_size, strides, padding):
    """The maxima and, for each, the number of the window position that it came from.

    The first maximum in row-major order wins; a NaN is larger than any number; padding never wins.
    """
    pool = pair(pool_size)
    _, strides, pads, out = _geometry(x, pool, pool if strides is None else strides, padding)
    padded, inside = _pad(x, pads), _pad(np.ones(x.shape, dtype=bool), pads, value=False)
    best = np.full((len(x), *out, x.shape[3]), -np.inf)
    winner = np.full(best.shape, -1)
    for a, b, seen in positions(pool, strides, out):
        value = padded[seen]
        larger = (value > best) | (np.isnan(value) & ~np.isnan(best)) | (winner < 0)
        wins = inside[seen] & larger
        best = np.where(wins, value, best)
        winner = np.where(wins, a * pool[1] + b, winner)
    return best, winner


def max_pool2d(x, pool_size=2, strides=None, padding="valid"):
    return _max_pool(_f64(x), pool_size, strides, padding)[0]


def max_pool2d_backward(dy, x, pool_size=2, strides=None, padding="valid"):
    dy, x, pool = _f64(dy), _f64(x), pair(pool_size)
    _, winner = _max_pool(x, pool_size, strides, padding)
    size, strides, pads, out = _geometry(x, pool, pool if strides is None else strides, padding)
    dpadded = np.zeros_like(_pad(x, pads))
    for a, b, seen in positions(pool, strides, out):
        dpadded[seen] += np.where(winner == a * pool[1] + b, dy, 0.0)
    return _crop(dpadded, size, pads)


def pool_counts(shape, pool_size=2, strides=None, padding="valid"):
    """How many pixels of the image (not of the padding) each window holds: (1, out, out, 1)."""
    pool = pair(pool_size)
    ones = np.ones((1, *shape[1:3], 1))
    _, strides, pads, out = _geometry(ones, pool, pool if strides is None else strides, padding)
    padded = _pad(ones, pads)
    return sum(padded[seen] for _, _, seen in positions(pool, strides, out))


def avg_pool2d(x, pool_size=2, strides=None, padding="valid"):
    x, pool = _f64(x), pair(pool_size)
    counts = pool_counts(x.shape, pool_size, strides, padding)
    _, strides, pads, out = _geometry(x, pool, pool if strides is None else strides, padding)
    padded = _pad(x, pads)
    return sum(padded[seen] for _, _, seen in positions(pool, strides, out)) / counts


def avg_pool2d_backward(dy, x, pool_size=2, strides=None, padding="valid"):
    x, pool = _f64(x), pair(pool_size)
    share = _f64(dy) / pool_counts(x.shape, pool_size, strides, padding)
    size, strides, pads, out = _geometry(x, pool, pool if strides is None else strides, padding)
    dpadded = np.zeros_like(_pad(x, pads))
    for _, _, seen in positions(pool, strides, out):
        dpadded[seen] += share
    return _crop(dpadded, size, pads)


def global_avg_pool2d(x, keepdims=False):
    return _f64(x).mean(axis=(1, 2), keepdims=keepdims)


def global_avg_pool2d_backward(dy, x, keepdims=False):
    _, height, width, channels = np.shape(x)
    share = _f64(dy).reshape(-1, 1, 1, channels) / (height * width)
    return np.broadcast_to(share, np.shape(x)).copy()


def global_max_pool2d(x, keepdims=False):
    return _f64(x).max(axis=(1, 2), keepdims=keepdims)  # NumPy's maximum of a NaN is NaN


def global_max_pool2d_backward(dy, x, keepdims=False):
    batch, height, width, channels = np.shape(x)
    flat = _f64(x).reshape(batch, height * width, channels)
    first = flat.argmax(axis=1)[:, None]  # NumPy's: the first of equal ones, or the first NaN
    dx = np.zeros_like(flat)
    np.put_along_axis(dx, first, _f64(dy).reshape(batch, 1, channels), axis=1)
    return dx.reshape(np.shape(x))


# Dense and shape -------------------------------------------------------------------------------


def dense(x, kernel, bias=None):
    y = _f64(x) @ _f64(kernel)
    return y if bias is None else y + _f64(bias)


def dense_backward(dy, x, kernel):
    dy = _f64(dy)
    return dy @ _f64(kernel).T, _f64(x).T @ dy, dy.sum(axis=0)


def flatten(x):
    return _f64(x).reshape(len(x), -1)


def flatten_backward(dy, x):
    return _f64(dy).reshape(np.shape(x))


def rescale(x, scale, offset=0.0):
    return _f64(x) * scale + offset


def rescale_backward(dy, x, scale, offset=0.0):
    return _f64(dy) * scale


def zero_pad2d(x, padding=1):
    return _pad(_f64(x), side_pairs(padding))


def zero_pad2d_backward(dy, x, padding=1):
    return _crop(_f64(dy), np.shape(x)[1:3], side_pairs(padding))


def side_pairs(padding):
    """((top, bottom), (left, right)) from a number, (vertical, horizontal) or the pairs."""
    return tuple(pair(side) for side in pair(padding))


def reshape(x, shape):
    return _f64(x).reshape(len(x), *shape)


def reshape_backward(dy, x, shape):
    return _f64(dy).reshape(np.shape(x))


def permute(x, dims):
    return _f64(x).transpose(0, *dims)


def permute_backward(dy, x, dims):
    return _f64(dy).transpose(np.argsort([0, *dims]))


# Several inputs --------------------------------------------------------------------------------


def add(a, b):
    return _f64(a) + _f64(b)


def add_backward(dy, a, b):
    return _f64(dy), _f64(dy)


def concatenate(xs, axis=-1):
    return np.concatenate([_f64(x) for x in xs], axis=axis)


def concatenate_backward(dy, xs, axis=-1):
    ends = np.cumsum([np.shape(x)[axis] for x in xs])
    return tuple(np.split(_f64(dy), ends[:-1], axis=axis))


# Batch normalization ---------------------------------------------------------------------------


def _factor(gamma, deviation):
    return (1.0 if gamma is None else _f64(gamma)) / deviation


def batch_statistics(x):
    """Mean and variance of each channel, the variance divided by the count."""
    axes = tuple(range(np.ndim(x) - 1))
    return _f64(x).mean(axis=axes), _f64(x).var(axis=axes)


def batch_normalization(x, gamma, beta, mean, variance, epsilon=1e-3):
    deviation = np.sqrt(_f64(variance) + epsilon)
    return (_f64(x) - _f64(mean)) * _factor(gamma, deviation) + (0.0 if beta is None else beta)


def batch_normalization_backward(dy, x, gamma, mean, variance, epsilon=1e-3):
    dy, deviation = _f64(dy), np.sqrt(_f64(variance) + epsilon)
    axes = tuple(range(dy.ndim - 1))
    h = (_f64(x) - _f64(mean)) / deviation
    return dy * _factor(gamma, deviation), (dy * h).sum(axis=axes), dy.sum(axis=axes)


def batch_normalization_training(x, gamma, beta, epsilon=1e-3):
    return batch_normalization(x, gamma, beta, *batch_statistics(x), epsilon)


def batch_normalization_training_backward(dy, x, gamma, epsilon=1e-3):
    """By way of the statistics: dx = dy dy/dx + dmean / n + dvariance 2 (x - mean) / n."""
    dy, x = _f64(dy), _f64(x)
    mean, variance = batch_statistics(x)
    axes, count = tuple(range(dy.ndim - 1)), x[..., 0].size
    factor = _factor(gamma, np.sqrt(variance + epsilon))
    direct, dgamma, dbeta = batch_normalization_backward(dy, x, gamma, mean, variance, epsilon)
    dmean = -(dy * factor).sum(axis=axes)
    dvariance = -0.5 * (dy * (x - mean) * factor).sum(axis=axes) / (variance + epsilon)
    return direct + dmean / count + dvariance * 2 * (x - mean) / count, dgamma, dbeta


# Activations -----------------------------------------------------------------------------------


def relu(x):
    x = _f64(x)
    return np.where(x < 0, 0.0, x)  # a NaN is not below zero and stays


def relu_backward(dy, x):
    return np.where(_f64(x) > 0, _f64(dy), 0.0)


def sigmoid(x):
    x = _f64(x)
    small = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def sigmoid_backward(dy, x):
    return _f64(dy) * sigmoid(x) * sigmoid(-_f64(x))


def tanh(x):
    return np.tanh(_f64(x))


def tanh_backward(dy, x):
    return _f64(dy) * (1.0 - tanh(x) ** 2)


def softmax(x):
    x = _f64(x)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dy, x):
    dy, p = _f64(dy), softmax(x)
    return p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def leaky_relu(x, negative_slope=0.2):
    x = _f64(x)
    return np.where(x > 0, x, _f32(negative_slope) * x)


def leaky_relu_backward(dy, x, negative_slope=0.2):
    return _f64(dy) * np.where(_f64(x) > 0, 1.0, _f32(negative_slope))


def elu(x, alpha=1.0):
    x = _f64(x)
    return np.where(x > 0, x, _f32(alpha) * np.expm1(np.minimum(x, 0.0)))


def elu_backward(dy, x, alpha=1.0):
    x = _f64(x)
    return _f64(dy) * np.where(x > 0, 1.0, _f32(alpha) * np.exp(np.minimum(x, 0.0)))


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _gelu_tanh_argument(x):
    return math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)


def normal_distribution(x, approximate=False):
    """The P of GELU: of a standard normal number, the probability to be below x."""
    x = _f64(x)
    if approximate:
        return sigmoid(2.0 * _gelu_tanh_argument(x))
    return 0.5 * _erfc(-x / math.sqrt(2.0))


def gelu(x, approximate=False):
    return _f64(x) * normal_distribution(x, approximate)


def gelu_backward(dy, x, approximate=False):
    x, p = _f64(x), normal_distribution(x, approximate)
    if approximate:
        u = _gelu_tanh_argument(x)
        slope = math.sqrt(2.0 / math.pi) * (1.0 + 3.0 * 0.044715 * x**2)
        return _f64(dy) * (p + 0.5 * x * slope / np.cosh(np.minimum(np.abs(u), 300.0)) ** 2)
    return _f64(dy) * (p + x * np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi))


# Normalization and regularization --------------------------------------------------------------


def _channel_sums(values, before, after):
    """For each channel the sum over those from `before` below it to `after` above."""
    channels = values.shape[-1]
    sums = np.zeros_like(values)
    for i in range(channels):
        sums[..., i] = values[..., max(i - before, 0) : i + after + 1].sum(axis=-1)
    return sums


def local_response_scale(x, n, k, alpha):
    return _f32(k) + _f32(alpha) * _channel_sums(_f64(x) ** 2, n // 2, (n - 1) // 2)


def local_response_norm(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return _f64(x) / local_response_scale(x, n, k, alpha) ** _f32(beta)


def local_response_norm_backward(dy, x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    dy, x, alpha, beta = _f64(dy), _f64(x), _f32(alpha), _f32(beta)
    s = local_response_scale(x, n, k, alpha)
    shares = _channel_sums(dy * x / s ** (beta + 1.0), (n - 1) // 2, n // 2)
    return dy / s**beta - 2.0 * alpha * beta * x * shares


def philox4x32(counter, key):
    """Philox4x32-10 of Salmon et al. (SC 2011): four words in, four out; arrays of uint64."""
    c0, c1, c2, c3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    k0, k1 = key
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (
            (p1 >> half) ^ c1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> half) ^ c3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1)


def dropout_factors(shape, rate, seed=0, node=0, step=0):
    """What dropout multiplies by: 0, or 1 / (1 - rate) where a number is kept."""
    rate = _f32(rate)
    if rate == 0.0:
        return np.ones(shape)
    elements = int(np.prod(shape[1:]))
    groups = -(-elements // 4)
    index = np.arange(shape[0] * groups, dtype=np.uint64)
    stream = 2**62 + node * 2**40 + step
    counter = (index % 2**32, index // 2**32, stream % 2**32, stream // 2**32)
    words = philox4x32(counter, (seed % 2**32, seed // 2**32))
    words = words.reshape(shape[0], groups * 4)[:, :elements].reshape(shape)
    return np.where(words >= math.floor(rate * 2**32), 1.0 / (1.0 - rate), 0.0)


def dropout(x, rate, seed=0):
    return _f64(x) * dropout_factors(np.shape(x), rate, seed)


def dropout_backward(dy, x, rate, seed=0):
    return _f64(dy) * dropout_factors(np.shape(x), rate, seed)


# Losses ----------------------------------------------------------------------------------------


def targets(labels, classes):
    """Labels (n,) as one-hot rows; one-hot or soft labels (n, classes) as they are."""
    labels = np.asarray(labels)
    return np.eye(classes)[labels] if labels.ndim == 1 else _f64(labels)


def softmax_cross_entropy(logits, labels):
    logits = _f64(logits)
    y = targets(labels, logits.shape[1])
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-(y * log_p).sum() / len(y))


def softmax_cross_entropy_backward(logits, labels):
    y = targets(labels, np.shape(logits)[1])
    return (softmax(logits) * y.sum(axis=1, keepdims=True) - y) / len(y)


def cross_entropy(probabilities, labels):
    p = np.clip(_f64(probabilities), CLIP, 1.0 - CLIP)
    y = targets(labels, p.shape[1])
    return float((-(y * np.log(p)).sum() + (y.sum(axis=1) * np.log(p.sum(axis=1))).sum()) / len(y))


def cross_entropy_backward(probabilities, labels):
    raw = _f64(probabilities)
    p = np.clip(raw, CLIP, 1.0 - CLIP)
    y = targets(labels, p.shape[1])
    gradient = -y / p + y.sum(axis=1, keepdims=True) / p.sum(axis=1, keepdims=True)
    return np.where(raw == p, gradient, 0.0) / len(y)


def mean_squared_error(y_pred, y_true):
    return float(np.mean((_f64(y_pred) - _f64(y_true)) ** 2))


def mean_squared_error_backward(y_pred, y_true):
    return 2.0 * (_f64(y_pred) - _f64(y_true)) / np.size(y_pred)


# Optimizers ------------------------------------------------------------------------------------


def sgd(
    parameter,
    gradient,
    velocity=None,
    learning_rate=0.01,
    momentum=0.0,
    nesterov=False,
    weight_decay=0.0,
):
    w, g = _f64(parameter), _f64(gradient)
    v = np.zeros_like(w) if velocity is None else _f64(velocity)
    w = w - learning_rate * weight_decay * w
    v = momentum * v - learning_rate * g
    return (w + momentum * v - learning_rate * g if nesterov else w + v), v


def adam(
    parameter,
    gradient,
    state=None,
    step=1,
    learning_rate=0.001,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    amsgrad=False,
    weight_decay=0.0,
):
    """As in the paper: Keras's epsilon is corrected along."""
    w, g = _f64(parameter), _f64(gradient)
    arrays = np.zeros((3 if amsgrad else 2, *w.shape)) if state is None else _f64(state)
    w = w * (1 - learning_rate * weight_decay)
    m = beta_1 * arrays[0] + (1 - beta_1) * g
    v = beta_2 * arrays[1] + (1 - beta_2) * g**2
    new = [m, v, np.maximum(v, arrays[2])] if amsgrad else [m, v]
    correction = np.sqrt(1 - beta_2**step)
    root = np.sqrt(new[-1]) / correction
    w = w - learning_rate * m / (1 - beta_1**step) / (root + epsilon / correction)
    return w, np.stack(new)


def rmsprop(
    parameter,
    gradient,
    state=None,
    learning_rate=0.001,
    rho=0.9,
    momentum=0.0,
    epsilon=1e-7,
    centered=False,
    weight_decay=0.0,
):
    w, g = _f64(parameter), _f64(gradient)
    count = 1 + bool(centered) + (momentum > 0)
    arrays = list(np.zeros((count, *w.shape)) if state is None else _f64(state))
    new = [rho * arrays[0] + (1 - rho) * g**2]
    variance = new[0]
    if centered:
        new.append(rho * arrays[1] + (1 - rho) * g)
        variance = np.maximum(variance - new[1] ** 2, 0.0)
    change = learning_rate * g / np.sqrt(variance + epsilon)
    if momentum > 0:
        change = momentum * arrays[-1] + change
        new.append(change)
    return w * (1 - learning_rate * weight_decay) - change, np.stack(new)
