"""The zoo: weights to the unit, tables of sizes, and the same numbers as PyTorch where it is."""

import re
from pathlib import Path

import numpy as np
import pytest

import pycnn
from pycnn import models

PUBLISHED = {
    "alexnet": 61_100_840,
    "cnn_mnist": 3_274_634,
    "googlenet": 6_998_552,
    "lenet5": 61_706,
    "linear_classifier": 30_730,
    "mlp_mnist": 101_770,
    "resnet18": 11_689_512,
    "resnet20": 272_474,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "softmax_mnist": 7_850,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_trainable_weights_of_the_published_net(name):
    model = getattr(models, name)()
    assert model.count_params(trainable_only=True) == PUBLISHED[name]


def test_every_network_of_the_zoo_is_counted():
    others = {"inception_module", "start_from", "two_layer_classifier", "x_and_o"}
    assert set(models.__all__) == set(PUBLISHED) | others


def test_readme_lists_the_zoo():
    readme = Path(__file__).parents[1] / "README.md"
    (row,) = [line for line in readme.read_text().splitlines() if line.startswith("| `models` |")]
    assert set(re.findall(r"`(\w+)`", row)) - {"models"} == set(models.__all__)


def test_lenet5_of_1998_and_for_letters():
    classic = models.lenet5(classic=True)
    # A weight and a bias for each of the 6 and 16 pooled maps come to the 61,706.
    assert classic.count_params() == 61_706 + 2 * (6 + 16)
    letters = models.lenet5((32, 32, 1), classes=26)
    assert letters.layers[-1].get_weights()[0].size + 26 == 84 * 26 + 26 == 2_210
    assert letters.output_shape == (None, 26)


def shape_of(model, name):
    return model.get_layer(name).output.shape[1:]


def test_googlenet_has_the_paper_s_table_of_sizes():
    net = models.googlenet()
    table = {
        "conv1": (112, 112, 64),
        "pool1": (56, 56, 64),
        "conv2": (56, 56, 192),
        "pool2": (28, 28, 192),
        "inception_3a": (28, 28, 256),
        "inception_3b": (28, 28, 480),
        "pool3": (14, 14, 480),
        "inception_4a": (14, 14, 512),
        "inception_4b": (14, 14, 512),
        "inception_4c": (14, 14, 512),
        "inception_4d": (14, 14, 528),
        "inception_4e": (14, 14, 832),
        "pool4": (7, 7, 832),
        "inception_5a": (7, 7, 832),
        "inception_5b": (7, 7, 1024),
        "average": (1024,),
        "predictions": (1000,),
    }
    assert {name: shape_of(net, name) for name in table} == table
    assert models.googlenet(auxiliary=True).output_shape == [(None, 1000)] * 3


def test_multiplications_of_the_inception_modules():
    def work(model):
        return sum(node.multiply_adds for node in model._built_graph().nodes)

    assert work(models.inception_module(reduced=False)) == 854_196_224
    # The lecture prints 358M here: its sum has the product of the 3x3 convolution twice.
    three_by_three = 28 * 28 * 9 * 64 * 192
    assert work(models.inception_module()) == 271_351_808
    assert round((271_351_808 + three_by_three) / 1e6) == 358


def test_vgg16_trains_in_little_more_memory_than_backward_needs():
    model = models.vgg16()
    model.compile("sgd", "sparse_categorical_crossentropy")
    last = model.plan_report().splitlines()[-1]
    percent = re.fullmatch(r"backward needs \d+ bytes .* the arena is (\d+) % of that", last)
    assert percent is not None and 100 <= int(percent[1]) <= 115


def test_vgg_starts_from_a_shallower_one():
    shallow, deep = (build((32, 32, 3), classes=10) for build in (models.vgg11, models.vgg13))
    copied = models.start_from(deep, shallow)
    assert copied == [
        "block1_conv1", "block2_conv1", "block3_conv1", "block3_conv2", "block4_conv1",
        "block4_conv2", "block5_conv1", "block5_conv2", "fc1", "fc2", "predictions",
    ]  # fmt: skip
    for name in copied:
        before, after = (m.get_layer(name).get_weights() for m in (shallow, deep))
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["x_and_o", "lenet5", "resnet20"])
def test_weights_file_of_a_builder(name, tmp_path):
    model = getattr(models, name)()
    model.save_weights(tmp_path / "w.safetensors")
    again = getattr(models, name)(weights=tmp_path / "w.safetensors")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(a, b)


def short_training(model, x, y, epochs, rate):
    model.compile(
        pycnn.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(x, y, batch_size=16, epochs=epochs, verbose=0).history
    return history["loss"], history["accuracy"]


@pytest.mark.parametrize(
    ("build", "size", "rate"),
    [
        (lambda: models.alexnet((64, 64, 3), 10, dropout=0.0), 64, 3e-4),
        (lambda: models.resnet20(), 32, 3e-3),
        (lambda: models.googlenet((32, 32, 3), 10), 32, 3e-4),
    ],
    ids=["alexnet", "resnet20", "googlenet"],
)
def test_loss_falls_on_a_few_pictures(build, size, rate):
    pycnn.set_random_seed(1)
    x, y = pycnn.datasets.coloured_shapes(32, seed=1, size=size)
    loss, _ = short_training(build(), x / 255 - 0.5, y, 10, rate)
    assert loss[-1] < 0.8 * loss[0]


def test_x_or_o_is_learned():
    pycnn.set_random_seed(0)
    x, y = pycnn.datasets.x_and_o(2_000, seed=1)
    model = models.x_and_o()
    short_training(model, x, y, 12, 0.005)
    held_out = pycnn.datasets.x_and_o(500, seed=2)
    assert model.evaluate(*held_out, verbose=0)[1] >= 0.95
