"""The reference itself: its slopes against central differences, its values against PyTorch.

So that reference and core are not wrong together. No test here needs the native module.
"""

import cases
import numpy as np
import pytest
import reference
from gradcheck import assert_gradient, numerical_gradient

DIFFERENTIABLE = [case for case in cases.CASES if cases.OPS[case.op].backward_inputs is not None]


def gradients_of(case, arrays):
    """By name: backward gives them in the order of the inputs, but none by the last ones."""
    gradients = case.backward(arrays, reference)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    pairs = zip(cases.OPS[case.op].inputs, gradients, strict=False)
    return {name: gradient for name, gradient in pairs if name in arrays}  # there may be no bias


def away_from_kinks(case, arrays, rng):
    """For maxima and ReLU: distinct values, apart from each other and from 0 by far over a step."""
    if case.op not in ("max_pool2d", "global_max_pool2d", "relu", "leaky_relu", "elu"):
        return arrays
    x = arrays["x"]
    return arrays | {"x": (rng.permutation(x.size).reshape(x.shape) - x.size // 2 + 0.5) / 100}


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_backward_is_the_slope_of_forward(case):
    rng = np.random.default_rng(0)
    arrays = away_from_kinks(case, case.arrays(integers=False), rng)
    dy = arrays.get("dy", 1.0)
    for name, gradient in gradients_of(case, arrays).items():

        def energy(value, name=name):
            return float(np.sum(dy * case.forward(arrays | {name: value}, reference)))

        assert_gradient(energy, arrays[name], gradient, rng)


def test_every_op_has_a_row_small_enough_to_check_element_by_element():
    small = {c.op for c in DIFFERENTIABLE if c.arrays(integers=False)[first_input(c)].size <= 64}
    assert small == {case.op for case in DIFFERENTIABLE}


def first_input(case):
    return cases.OPS[case.op].inputs[0]


def test_the_gradient_check_finds_a_wrong_gradient():
    x = np.linspace(-1.0, 1.0, 12)
    right = numerical_gradient(lambda v: float((v**3).sum()), x)
    np.testing.assert_allclose(right, 3 * x**2, atol=1e-9)
    rng = np.random.default_rng(0)
    wrong = right.copy()
    wrong[5] += 1e-3
    for full_below in (100, 0):  # element by element, and along directions
        assert_gradient(lambda v: float((v**3).sum()), x, right, rng, full_below)
        with pytest.raises(AssertionError):
            assert_gradient(lambda v: float((v**3).sum()), x, wrong, rng, full_below)


def test_same_padding_is_tensorflows():
    """The examples of TensorFlow's page on padding: the odd pixel goes to the bottom and right."""
    assert reference.padding_pairs((13, 4), (6, 2), (5, 1), "same") == ((1, 2), (0, 1))
    for n in range(1, 12):
        for k in range(1, 6):
            for s in range(1, 5):
                pads = reference.padding_pairs((n, n), (k, k), (s, s), "same")
                assert reference.output_size((n, n), (k, k), (s, s), pads) == (-(-n // s),) * 2


def test_ties_in_max_pooling_go_to_the_first():
    x = np.zeros((1, 4, 4, 1))
    dx = reference.max_pool2d_backward(np.ones((1, 2, 2, 1)), x)
    assert dx[0, :, :, 0].tolist() == [[1, 0, 1, 0], [0] * 4, [1, 0, 1, 0], [0] * 4]


def test_max_pooling_of_minus_infinity_never_picks_padding():
    x = np.full((1, 2, 2, 1), -np.inf)
    dx = reference.max_pool2d_backward(np.ones((1, 2, 2, 1)), x, 3, 1, "same")
    assert dx[0, :, :, 0].tolist() == [[4, 0], [0, 0]]


def test_keras_sgd_by_hand():
    w, v = reference.sgd([1.0], [2.0], [0.5], 0.1, 0.9, False, 0.5)
    assert np.allclose([w, v], [[0.95 + 0.25], [0.25]])  # v = 0.45 - 0.2; w = 1 - 0.05 + v
    w, v = reference.sgd([1.0], [2.0], [0.5], 0.1, 0.9, True)
    assert np.allclose([w, v], [[1.0 + 0.9 * 0.25 - 0.2], [0.25]])


def test_clipped_probabilities():
    p = np.array([[1.0, 0.0]])
    assert reference.cross_entropy(p, [1]) == pytest.approx(-np.log(1e-7))
    assert not reference.cross_entropy_backward(p, [1]).any()
    assert reference.cross_entropy(p, [0]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("op", cases.OPS)
def test_agrees_with_pytorch(op):
    """A third opinion, where PyTorch is installed: every row, forward and backward, in float64."""
    torch = pytest.importorskip("torch")
    for case in cases.rows(op):
        arrays = case.arrays(integers=False)
        if op in TORCH_OPTIMIZERS:
            # PyTorch adds epsilon to the corrected root, Keras elsewhere: alike where it is nothing
            options = case.options if op == "sgd" else case.options | {"epsilon": 1e-16}
            ours = getattr(reference, op)(**arrays, **options)
            compare(case, ours, TORCH_OPTIMIZERS[op](torch, arrays, **options))
            continue
        tensors = {name: torch.tensor(value) for name, value in arrays.items()}
        tensors = {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}
        dy = tensors.pop("dy", None)
        gradients = gradients_of(case, arrays)
        for name in gradients:
            tensors[name].requires_grad_()
        y = TORCH[op](torch, **tensors, **case.options)
        y.backward(dy)
        compare(case, [case.forward(arrays, reference)], [y.detach()])
        compare(case, gradients.values(), [tensors[name].grad for name in gradients])


def compare(case, ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        scale = float(np.abs(b.numpy()).max(initial=1.0))
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-9, atol=1e-11 * scale, err_msg=str(case))


def torch_pad(torch, x, size, strides, padding, value=0.0):
    """NHWC, padded, as NCHW."""
    pads = reference.padding_pairs(x.shape[1:3], size, strides, padding)
    (top, bottom), (left, right) = pads
    x = x.permute(0, 3, 1, 2)
    return torch.nn.functional.pad(x, (left, right, top, bottom), value=value)


def torch_conv(torch, x, kernel, bias=None, strides=1, padding="valid", dilation=1, groups=1):
    strides, dilation = reference.pair(strides), reference.pair(dilation)
    extent = [(k - 1) * d + 1 for k, d in zip(kernel.shape[:2], dilation, strict=True)]
    padded = torch_pad(torch, x, extent, strides, padding)
    weights = kernel.permute(3, 2, 0, 1).contiguous()
    y = torch.nn.functional.conv2d(padded, weights, bias, strides, dilation=dilation, groups=groups)
    return y.permute(0, 2, 3, 1)


def torch_depthwise(torch, x, kernel, bias=None, **options):
    height, width, channels, _ = kernel.shape
    grouped = kernel.reshape(height, width, 1, -1)
    return torch_conv(torch, x, grouped, bias, groups=channels, **options)


def torch_max_pool(torch, x, pool_size, strides, padding):
    pool = reference.pair(pool_size)
    strides = pool if strides is None else reference.pair(strides)
    padded = torch_pad(torch, x, pool, strides, padding, -np.inf)
    return torch.nn.functional.max_pool2d(padded, pool, strides).permute(0, 2, 3, 1)


def torch_avg_pool(torch, x, pool_size, strides, padding):
    pool = reference.pair(pool_size)
    strides = pool if strides is None else reference.pair(strides)
    ones = torch.ones_like(x[:1, :, :, :1])
    sums, counts = (
        torch.nn.functional.avg_pool2d(torch_pad(torch, t, pool, strides, padding), pool, strides)
        for t in (x, ones)
    )
    return (sums / counts).permute(0, 2, 3, 1)


def torch_zero_pad(torch, x, padding):
    (top, bottom), (left, right) = reference.side_pairs(padding)
    return torch.nn.functional.pad(x, (0, 0, left, right, top, bottom))


def torch_batch_norm(
    torch, x, gamma=None, beta=None, mean=None, variance=None, epsilon=1e-3, training=False
):
    rows = x.reshape(-1, x.shape[-1])
    if training and len(rows) == 1:  # PyTorch refuses: the deviation from the mean is 0
        return ((rows - rows.mean(0)) * gamma + beta).reshape(x.shape)
    y = torch.nn.functional.batch_norm(
        rows, mean, variance, gamma, beta, training=training, eps=epsilon
    )
    return y.reshape(x.shape)


def torch_cross_entropy(torch, probabilities, labels):
    # log softmax of log p is log(p / sum p): rows that do not sum to one are handled alike
    return torch.nn.functional.cross_entropy(torch.log(probabilities), labels)


def torch_local_response_norm(torch, x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    k, alpha, beta = (reference.as_f32(option) for option in (k, alpha, beta))
    rows = x.reshape(-1, x.shape[-1], 1)  # channels second; PyTorch divides alpha by n
    return torch.nn.functional.local_response_norm(rows, n, alpha * n, beta, k).reshape(x.shape)


def torch_augment(torch, x, brightness=0.0, fill=0.0, seed=0, **options):
    """PyTorch counts positions from -1 to 1, and has only zeros outside; the draws are ours."""
    batch, *size = x.shape[:3]
    fill, grids = reference.as_f32(fill), []
    for word in reference.augment_words(batch, seed):
        out, way = reference.augment_way(tuple(size), word, **options)
        places = zip(size, reference.augment_sources(size, out, way), strict=True)
        row, column = ((2 * place + 1) / n - 1 for n, place in places)
        grids.append(np.stack([column, row], axis=-1).reshape(*out, 2))
    shown = torch.nn.functional.grid_sample(
        x.permute(0, 3, 1, 2) - fill, torch.tensor(np.stack(grids)), align_corners=False
    )
    light = torch.tensor(reference.augment_brightness(batch, brightness, seed), dtype=x.dtype)
    return (shown + fill + light.reshape(-1, 1, 1, 1)).permute(0, 2, 3, 1)


def torch_sgd(torch, arrays, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
    """PyTorch's own optimizer: decay by hand (Keras decouples it), its velocity is -v / rate."""
    w = torch.tensor(arrays["parameter"].astype(np.float64) * (1 - learning_rate * weight_decay))
    w.requires_grad_()
    w.grad = torch.tensor(arrays["gradient"].astype(np.float64))
    optimizer = torch.optim.SGD([w], lr=learning_rate, momentum=momentum, nesterov=nesterov)
    velocity = arrays.get("velocity", np.zeros(w.shape)).astype(np.float64)
    if momentum == 0.0:
        optimizer.step()
        return w.detach(), -learning_rate * w.grad
    optimizer.state[w]["momentum_buffer"] = torch.tensor(-velocity / learning_rate)
    optimizer.step()
    return w.detach(), -learning_rate * optimizer.state[w]["momentum_buffer"]


def torch_parameter(torch, arrays, learning_rate, weight_decay=0.0):
    w = torch.tensor(arrays["parameter"].astype(np.float64) * (1 - learning_rate * weight_decay))
    w.requires_grad_()
    w.grad = torch.tensor(arrays["gradient"].astype(np.float64))
    return w


def torch_adam(torch, arrays, step=1, learning_rate=0.001, beta_1=0.9, beta_2=0.999, **options):
    w = torch_parameter(torch, arrays, learning_rate)
    optimizer = torch.optim.AdamW(
        [w],
        learning_rate,
        (beta_1, beta_2),
        options["epsilon"],
        options.get("weight_decay", 0.0),
        options.get("amsgrad", False),
    )
    names = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"][: 3 if options.get("amsgrad") else 2]
    before = arrays.get("state", np.zeros((len(names), *w.shape)))
    optimizer.state[w]["step"] = torch.tensor(float(step - 1))
    for name, array in zip(names, before, strict=True):
        optimizer.state[w][name] = torch.tensor(array.astype(np.float64))
    optimizer.step()
    return w.detach(), torch.stack([optimizer.state[w][name] for name in names])


def torch_rmsprop(torch, arrays, learning_rate=0.001, rho=0.9, **options):
    """PyTorch's momentum leaves the rate out of what it keeps."""
    w = torch_parameter(torch, arrays, learning_rate, options.get("weight_decay", 0.0))
    momentum, centered = options.get("momentum", 0.0), options.get("centered", False)
    optimizer = torch.optim.RMSprop(
        [w], learning_rate, rho, options["epsilon"], momentum=momentum, centered=centered
    )
    units = {"square_avg": 1.0}
    if centered:
        units["grad_avg"] = 1.0
    if momentum > 0:
        units["momentum_buffer"] = learning_rate
    before = arrays.get("state", np.zeros((len(units), *w.shape)))
    optimizer.state[w]["step"] = torch.tensor(0.0)
    for (name, unit), array in zip(units.items(), before, strict=True):
        optimizer.state[w][name] = torch.tensor(array.astype(np.float64) / unit)
    optimizer.step()
    return w.detach(), torch.stack([optimizer.state[w][n] * unit for n, unit in units.items()])


TORCH_OPTIMIZERS = {"sgd": torch_sgd, "adam": torch_adam, "rmsprop": torch_rmsprop}


TORCH = {
    "conv2d": torch_conv,
    "depthwise_conv2d": torch_depthwise,
    "max_pool2d": torch_max_pool,
    "avg_pool2d": torch_avg_pool,
    "global_avg_pool2d": lambda torch, x, keepdims: x.mean((1, 2), keepdim=keepdims),
    "global_max_pool2d": lambda torch, x, keepdims: (
        torch.nn.functional.adaptive_max_pool2d(x.permute(0, 3, 1, 2), 1)
        .permute(0, 2, 3, 1)
        .reshape((len(x), 1, 1, -1) if keepdims else (len(x), -1))
    ),
    "zero_pad2d": torch_zero_pad,
    "reshape": lambda torch, x, shape: x.reshape(len(x), *shape),
    "permute": lambda torch, x, dims: x.permute(0, *dims),
    "add": lambda torch, a, b: a + b,
    "concatenate": lambda torch, axis, **xs: torch.cat(list(xs.values()), axis),
    "batch_normalization": torch_batch_norm,
    "batch_normalization_training": lambda torch, **arrays: torch_batch_norm(
        torch, **arrays, training=True
    ),
    "dense": lambda torch, x, kernel, bias=0.0: x @ kernel + bias,
    "relu": lambda torch, x: torch.relu(x),
    "sigmoid": lambda torch, x: torch.sigmoid(x),
    "tanh": lambda torch, x: torch.tanh(x),
    "softmax": lambda torch, x: torch.softmax(x, -1),
    "leaky_relu": lambda torch, x, negative_slope=0.2: torch.nn.functional.leaky_relu(
        x, reference.as_f32(negative_slope)
    ),
    "elu": lambda torch, x, alpha=1.0: torch.nn.functional.elu(x, reference.as_f32(alpha)),
    "gelu": lambda torch, x, approximate=False: torch.nn.functional.gelu(
        x, approximate="tanh" if approximate else "none"
    ),
    "local_response_norm": torch_local_response_norm,
    # PyTorch has random numbers of its own: only the gradient is its opinion.
    "dropout": lambda torch, x, **options: (
        x * torch.tensor(reference.dropout_factors(tuple(x.shape), **options))
    ),
    "augment": torch_augment,
    "flatten": lambda torch, x: x.flatten(1),
    "rescale": lambda torch, x, scale, offset=0.0: x * scale + offset,
    "softmax_cross_entropy": lambda torch, logits, labels: torch.nn.functional.cross_entropy(
        logits, labels
    ),
    "cross_entropy": torch_cross_entropy,
    "mean_squared_error": lambda torch, y_pred, y_true: torch.nn.functional.mse_loss(
        y_pred, y_true
    ),
}
