"""Every worked number of the lectures' rules of shape and size and of their worked examples."""

import numpy as np
import pytest

from pycnn import _core, ops


def image(rows):
    """A picture of one channel as a batch of one: (1, height, width, 1)."""
    return np.array(rows, np.float32)[None, :, :, None]


def kernel(rows):
    """One kernel on one channel: (height, width, 1, 1)."""
    return np.array(rows, np.float32)[:, :, None, None]


def plane(y):
    """The one channel of the one picture of a batch."""
    assert y.shape[0] == y.shape[3] == 1
    return y[0, :, :, 0]


def sees(size, kernel_size, strides=1, padding="valid", filters=1):
    """Output shape of a convolution on an input of `size` (height, width, channels)."""
    graph = _core.Graph(size)
    return graph.shape(
        graph.conv2d(
            graph.input,
            filters=filters,
            kernel_size=(kernel_size, kernel_size),
            strides=(strides, strides),
            padding=padding,
        )
    )


def pad(p):
    return ((p, p), (p, p))


class TestShapeAndSize:
    def test_output_size(self):
        assert sees((7, 7, 1), 3) == (5, 5, 1)
        assert sees((7, 7, 1), 3, strides=2) == (3, 3, 1)
        assert sees((32, 32, 3), 5, padding=pad(2)) == (32, 32, 1)
        assert sees((32, 32, 3), 5, filters=6) == (28, 28, 6)
        assert sees((7, 7, 3), 3, strides=2, filters=2) == (3, 3, 2)

    def test_a_stride_that_leaves_pixels_over_rounds_down(self):
        """The lecture says that 7, F 3, S 3 -> 2.33 does not fit; as in Keras, the rest is cut."""
        assert sees((7, 7, 1), 3, strides=3) == (2, 2, 1)

    @pytest.mark.parametrize("f", [1, 3, 5, 7, 9, 11])
    def test_half_a_kernel_of_padding_keeps_the_size(self, f):
        assert sees((13, 13, 1), f, padding=pad((f - 1) // 2)) == (13, 13, 1)

    @pytest.mark.parametrize("n", range(3, 12))
    @pytest.mark.parametrize("f", [1, 2, 3])
    @pytest.mark.parametrize("s", [1, 2, 3])
    def test_padding_names(self, n, f, s):
        assert sees((n, n, 1), f, s)[0] == (n - f) // s + 1
        assert sees((n, n, 1), f, s, "same")[0] == -(-n // s)

    def test_parameters_of_a_convolution(self):
        graph = _core.Graph((32, 32, 3))
        graph.conv2d(graph.input, filters=10, kernel_size=(5, 5))
        assert [node.parameter_count for node in graph.nodes] == [760]
        assert [tuple(p.shape) for p in graph.parameters] == [(5, 5, 3, 10), (10,)]

    @pytest.mark.parametrize(("f", "s", "out"), [(2, 2, 14), (3, 2, 13), (2, 1, 27)])
    @pytest.mark.parametrize("kind", ["max_pool2d", "avg_pool2d"])
    def test_pooling_keeps_the_depth_and_has_no_parameters(self, kind, f, s, out):
        graph = _core.Graph((28, 28, 6))
        value = getattr(graph, kind)(graph.input, pool_size=(f, f), strides=(s, s))
        assert graph.shape(value) == (out, out, 6)
        assert graph.nodes[0].parameter_count == 0

    def test_a_window_of_stride_one_is_legal(self):
        y = ops.max_pool2d(image([[1, 2, 3], [4, 5, 6], [9, 8, 7]]), 2, 1)
        assert plane(y).tolist() == [[5, 6], [9, 8]]


def receptive_fields(layers):
    """Of each layer in turn; a layer is (kernel size, stride)."""
    graph = _core.Graph((400, 400, 1))
    value = graph.input
    for size, stride in layers:
        value = graph.conv2d(
            value, filters=1, kernel_size=(size, size), strides=(stride, stride), padding="same"
        )
    return [tuple(node.receptive_field) for node in graph.nodes]


class TestReceptiveField:
    def test_stacked_3x3_layers_see_2n_plus_1(self):
        fields = receptive_fields([(3, 1)] * 150)
        assert fields == [(2 * n + 1, 2 * n + 1) for n in range(1, 151)]
        assert fields[-1] >= (300, 300)

    def test_three_3x3_see_what_one_7x7_sees_with_fewer_parameters(self):
        assert receptive_fields([(3, 1)] * 3)[-1] == receptive_fields([(7, 1)])[0] == (7, 7)
        assert 3 * (3 * 3) < 7 * 7

    def test_a_stride_doubles_the_growth_after_it(self):
        assert receptive_fields([(3, 1), (3, 1), (3, 1)]) == [(3, 3), (5, 5), (7, 7)]
        assert receptive_fields([(3, 2), (3, 1), (3, 1)]) == [(3, 3), (7, 7), (11, 11)]

    @pytest.mark.parametrize(("f", "s"), [((3, 2), (1, 2)), ((2, 3), (3, 1)), ((3, 3), (2, 2))])
    def test_a_neuron_sees_the_rows_and_columns_of_the_formula(self, f, s):
        x = np.zeros((1, 9, 8, 1), np.float32)
        ones = np.ones((*f, 1, 1), np.float32)
        y = ops.conv2d(x, ones, strides=s)
        for i, j in np.ndindex(*y.shape[1:3]):
            dy = np.zeros_like(y)
            dy[0, i, j, 0] = 1
            dx = plane(ops.conv2d_backward(dy, x, ones, strides=s)[0])
            expected = np.zeros((9, 8))
            expected[i * s[0] : i * s[0] + f[0], j * s[1] : j * s[1] + f[1]] = 1
            assert np.array_equal(dx, expected)


def sparse_matrix(weights, height, width):
    """The convolution ('valid', stride 1) of `weights` as a dense layer's (in, out) matrix."""
    f_h, f_w, channels, filters = weights.shape
    out_h, out_w = height - f_h + 1, width - f_w + 1
    matrix = np.zeros((height, width, channels, out_h, out_w, filters), np.float32)
    for i, j, a, b in np.ndindex(out_h, out_w, f_h, f_w):
        matrix[i + a, j + b, :, i, j, :] = weights[a, b]
    return matrix.reshape(height * width * channels, out_h * out_w * filters)


class TestConvolution:
    def test_it_is_a_sparse_dense_layer_with_shared_weights(self):
        rng = np.random.default_rng(0)
        x = rng.integers(-3, 4, (3, 6, 5, 2)).astype(np.float32)
        weights = rng.integers(-3, 4, (3, 2, 2, 4)).astype(np.float32)
        matrix = sparse_matrix(weights, 6, 5)
        assert np.count_nonzero(matrix) <= 4 * 4 * weights.size  # of 60 * 64 entries
        y = ops.conv2d(x, weights)
        assert np.array_equal(ops.dense(ops.flatten(x), matrix), ops.flatten(y))

        dy = rng.integers(-3, 4, y.shape).astype(np.float32)
        dx, dweights, _ = ops.conv2d_backward(dy, x, weights)
        dflat, dmatrix, _ = ops.dense_backward(ops.flatten(dy), ops.flatten(x), matrix)
        assert np.array_equal(ops.flatten(dx), dflat)
        shared = dmatrix.reshape(6, 5, 2, 4, 4, 4)  # every place a weight stands in, added up
        for a, b in np.ndindex(3, 2):
            total = sum(shared[i + a, j + b, :, i, j, :] for i, j in np.ndindex(4, 4))
            assert np.array_equal(dweights[a, b], total)

    def test_backward_by_hand(self):
        x = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)
        w = np.array([[1, -2], [3, 4]], np.float32)
        dh = np.array([[1, 2], [-3, 4]], np.float32)
        h = plane(ops.conv2d(image(x), kernel(w)))
        assert h.tolist() == [[29, 35], [47, 53]]
        dx, dw, db = ops.conv2d_backward(image(dh), image(x), kernel(w))
        for a, b in np.ndindex(2, 2):
            by_hand = sum(dh[i, j] * x[i + a, j + b] for i, j in np.ndindex(2, 2))
            assert dw[a, b, 0, 0] == by_hand
        assert dw[:, :, 0, 0].tolist() == [[13, 17], [25, 29]]
        assert plane(dx).tolist() == [[1, 0, -4], [0, 20, 0], [-9, 0, 16]]
        assert db.tolist() == [4]

    def test_the_update_goes_down_the_gradient(self):
        w, dw = [[1.0, -2.0], [3.0, 4.0]], [[13.0, 17.0], [25.0, 29.0]]
        new, _ = ops.sgd(w, dw, learning_rate=0.5)
        assert new.tolist() == [[-5.5, -10.5], [-9.5, -10.5]]

    @pytest.mark.parametrize("start", [0, 2])
    def test_a_diagonal_kernel_finds_its_figure_wherever_it_is(self, start):
        picture = np.zeros((4, 4))
        picture[start, start] = picture[start + 1, start + 1] = 1
        y = ops.conv2d(image(picture), kernel([[1, 0], [0, 1]]))
        assert y.max() == 2
        assert plane(ops.max_pool2d(y, 3)).tolist() == [[2]]

    def test_curve_filter(self):
        field = [
            [0, 0, 0, 0, 0, 0, 30],
            [0, 0, 0, 0, 50, 50, 50],
            [0, 0, 0, 20, 50, 0, 0],
            [0, 0, 0, 50, 50, 0, 0],
            [0, 0, 0, 50, 50, 0, 0],
            [0, 0, 0, 50, 50, 0, 0],
            [0, 0, 0, 50, 50, 0, 0],
        ]
        curve = [
            [0, 0, 0, 0, 0, 30, 0],
            [0, 0, 0, 0, 30, 0, 0],
            [0, 0, 0, 30, 0, 0, 0],
            [0, 0, 0, 30, 0, 0, 0],
            [0, 0, 0, 30, 0, 0, 0],
            [0, 0, 0, 30, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0],
        ]
        elsewhere = np.zeros((7, 7))
        elsewhere[:, :3] = 40
        assert ops.conv2d(image(field), kernel(curve)).tolist() == [[[[6600]]]]
        assert ops.conv2d(image(elsewhere), kernel(curve)).tolist() == [[[[0]]]]

    def test_box_blur(self):
        box = np.full((3, 3), 1 / 9)
        flat = ops.conv2d(image(np.full((5, 5), 7.0)), kernel(box))
        np.testing.assert_allclose(flat, 7.0, rtol=1e-6)
        point = np.zeros((5, 5))
        point[2, 2] = 9
        np.testing.assert_allclose(ops.conv2d(image(point), kernel(box)), 1.0, rtol=1e-6)

    def test_sharpen(self):
        sharpen = np.full((3, 3), 0.1)
        sharpen[1, 1] = 2
        point = np.zeros((5, 5))
        point[2, 2] = 10
        y = plane(ops.conv2d(image(point), kernel(sharpen)))
        np.testing.assert_allclose(y, [[1, 1, 1], [1, 20, 1], [1, 1, 1]], rtol=1e-6)
        flat = ops.conv2d(image(np.ones((5, 5))), kernel(sharpen))
        np.testing.assert_allclose(flat, 2.8, rtol=1e-6)


class TestOtherOps:
    def test_relu(self):
        x = [1, -2, 3, -1]
        assert ops.relu(x).tolist() == [1, 0, 3, 0]
        assert ops.relu_backward([4, -1, 5, 9], x).tolist() == [4, 0, 5, 0]

    def test_dense_backward(self):
        x = [[2, 1, -3], [-3, 4, 2]]
        w = [[3, 2, 1, -1], [2, 1, 3, 2], [3, 2, 1, -2]]
        dy = [[2, 3, -3, 9], [-8, 1, 4, 6]]
        assert ops.dense(x, w).tolist() == [[-1, -1, 2, 6], [5, 2, 11, 7]]
        dx, dw, db = ops.dense_backward(dy, x, w)
        assert dx.tolist() == [[0, 16, -9], [-24, 9, -30]]
        assert dw.tolist() == [[28, 3, -18, 0], [-30, 7, 13, 33], [-22, -7, 17, -15]]
        assert db.tolist() == [-6, 4, 1, 15]

    def test_max_pooling(self):
        x = image([[1, 1, 1, 4], [2, 6, 5, 8], [3, 2, 1, 0], [1, 1, 3, 5]])
        assert plane(ops.max_pool2d(x)).tolist() == [[6, 8], [3, 5]]
        dx = plane(ops.max_pool2d_backward(image([[1, 2], [3, 4]]), x))
        assert dx.tolist() == [[0, 0, 0, 0], [0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 0, 4]]

    def test_linear_classifier(self):
        """f = Wx + b on 32 x 32 x 3 stretched pixels, 10 classes."""
        x = np.ones((1, 32, 32, 3))
        flat = ops.flatten(x)
        assert flat.shape == (1, 3072)
        weights, bias = np.full((3072, 10), 0.5), np.arange(10)
        assert ops.dense(flat, weights, bias).tolist() == [(1536 + np.arange(10.0)).tolist()]


def figure(*diagonals):
    """A 3x3 kernel: +1 on the diagonals given, -1 elsewhere, divided by 9."""
    weights = np.full((3, 3), -1.0)
    for diagonal in diagonals:
        weights[range(3), diagonal] = 1
    return weights / 9


X_MAPS = {
    "diagonal": [
        [1, 0.33, 0.56, 0.33],
        [0.33, 1, 0.33, 0.56],
        [0.56, 0.33, 1, 0.11],
        [0.33, 0.56, 0.11, 0.78],
    ],
    "small x": [
        [0.56, 0.33, 0.56, 0.33],
        [0.33, 1, 0.56, 0.11],
        [0.56, 0.56, 0.56, 0.11],
        [0.33, 0.11, 0.11, 0.33],
    ],
    "anti-diagonal": [
        [0.33, 0.56, 1, 0.78],
        [0.56, 0.56, 1, 0.33],
        [1, 1, 0.11, 0.56],
        [0.78, 0.33, 0.56, 0.33],
    ],
}


def test_x_and_o():
    """A 9x9 X through three kernels, ReLU and 2x2 max pooling, to two places."""
    picture = -np.ones((9, 9))
    for k in range(1, 8):
        picture[k, k] = picture[k, 8 - k] = 1
    down, up = [0, 1, 2], [2, 1, 0]
    kernels = np.stack([figure(down), figure(down, up), figure(up)], axis=-1)[:, :, None, :]
    y = ops.conv2d(image(picture), kernels)
    assert y.shape == (1, 7, 7, 3)
    y = ops.max_pool2d(ops.relu(y), 2, 2, "same")
    assert y.shape == (1, 4, 4, 3)
    for channel, expected in enumerate(X_MAPS.values()):
        assert np.array_equal(np.round(y[0, :, :, channel].astype(float), 2), expected)


def lenet5(padding, size, classes=10):
    graph = _core.Graph((size, size, 1))
    value = graph.conv2d(graph.input, filters=6, kernel_size=(5, 5), padding=padding)
    value = graph.max_pool2d(graph.activation(value, kind="relu"), pool_size=(2, 2), strides=(2, 2))
    value = graph.conv2d(value, filters=16, kernel_size=(5, 5))
    value = graph.max_pool2d(graph.activation(value, kind="relu"), pool_size=(2, 2), strides=(2, 2))
    value = graph.flatten(value)
    for units in (120, 84):
        value = graph.activation(graph.dense(value, units=units), kind="relu")
    graph.activation(graph.dense(value, units=classes), kind="softmax")
    return graph


@pytest.mark.parametrize(("padding", "size"), [("valid", 32), (pad(2), 28)])
def test_lenet5(padding, size):
    graph = lenet5(padding, size)
    nodes = [node for node in graph.nodes if node.kind not in ("ReLU", "Softmax")]
    assert [tuple(node.output_shape) for node in nodes] == [
        (28, 28, 6),
        (14, 14, 6),
        (10, 10, 16),
        (5, 5, 16),
        (400,),
        (120,),
        (84,),
        (10,),
    ]
    counts = [node.parameter_count for node in nodes if node.parameter_count]
    assert counts == [150 + 6, 2400 + 16, 48_120, 10_164, 850]
    assert sum(counts) == 61_706
    assert sum(int(np.prod(p.shape)) for p in graph.parameters) == 61_706
    assert [tuple(node.receptive_field) for node in nodes[:4]] == [
        (5, 5),
        (6, 6),
        (14, 14),
        (16, 16),
    ]
    by_kind = [node.multiply_adds for node in nodes if node.parameter_count]
    assert by_kind == [28 * 28 * 6 * 25, 10 * 10 * 16 * 150, 400 * 120, 120 * 84, 84 * 10]


def test_lenet5_for_letters():
    assert lenet5("valid", 32, classes=26).nodes[-2].parameter_count == 2_210


def test_cnn_for_mnist():
    """System 5: two 5x5 'same' convolutions, 32 and 64, each with 2x2 pooling, 1024 and 10."""
    graph = _core.Graph((28, 28, 1))
    value, shapes = graph.input, []
    for filters in (32, 64):
        value = graph.conv2d(value, filters=filters, kernel_size=(5, 5), padding="same")
        shapes.append(graph.shape(value))
        value = graph.max_pool2d(value, pool_size=(2, 2), strides=(2, 2))
        shapes.append(graph.shape(value))
    value = graph.flatten(value)
    shapes.append(graph.shape(value))
    for units in (1024, 10):
        value = graph.dense(value, units=units)
        shapes.append(graph.shape(value))
    assert [tuple(shape) for shape in shapes] == [
        (28, 28, 32),
        (14, 14, 32),
        (14, 14, 64),
        (7, 7, 64),
        (3136,),
        (1024,),
        (10,),
    ]
