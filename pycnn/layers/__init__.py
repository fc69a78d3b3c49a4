"""Layers with Keras's names and defaults; data are channels-last.

A layer only describes: shapes and options are checked when it is added to a model, and the
native core does the work. For a layer of your own see `Layer`.
"""

from pycnn.layers.activation import ELU, GELU, Activation, LeakyReLU, ReLU, Softmax
from pycnn.layers.augmentation import Augmentation
from pycnn.layers.base import Layer
from pycnn.layers.convolution import Conv2D, DepthwiseConv2D
from pycnn.layers.core import Dense, Flatten, Rescaling
from pycnn.layers.local_response import LocalResponseNormalization
from pycnn.layers.merge import Add, Concatenate, add, concatenate
from pycnn.layers.normalization import BatchNormalization
from pycnn.layers.own import Weight
from pycnn.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from pycnn.layers.regularization import Dropout
from pycnn.layers.reshaping import Permute, Reshape, ZeroPadding2D
from pycnn.layers.symbolic import Input

__all__ = [
    "ELU",
    "GELU",
    "Activation",
    "Add",
    "Augmentation",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Input",
    "Layer",
    "LeakyReLU",
    "LocalResponseNormalization",
    "MaxPooling2D",
    "Permute",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Weight",
    "ZeroPadding2D",
    "add",
    "concatenate",
]
