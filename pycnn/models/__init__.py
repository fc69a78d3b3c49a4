"""The networks of the lectures, ready to be trained; each builder called bare is the published net.

All are made of public layers: read them as examples. Nets for ImageNet take ``input_shape`` and
``classes``; `weights` is None, for random initial weights, or a file of `Model.save_weights`;
`device` is None, for what `pycnn.set_device` says, or "cpu", "cuda" or "auto".
"""

from pycnn.models.alexnet import alexnet
from pycnn.models.googlenet import googlenet, inception_module
from pycnn.models.lenet import lenet5
from pycnn.models.resnet import resnet18, resnet20, resnet34, resnet50, resnet101, resnet152
from pycnn.models.small import (
    cnn_mnist,
    linear_classifier,
    mlp_mnist,
    softmax_mnist,
    two_layer_classifier,
    x_and_o,
)
from pycnn.models.vgg import start_from, vgg11, vgg13, vgg16, vgg19

__all__ = [
    "alexnet",
    "cnn_mnist",
    "googlenet",
    "inception_module",
    "lenet5",
    "linear_classifier",
    "mlp_mnist",
    "resnet18",
    "resnet20",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "softmax_mnist",
    "start_from",
    "two_layer_classifier",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
    "x_and_o",
]
