"""ResNet (He, Zhang, Ren and Sun 2015): blocks that learn what to add to their input."""

from collections.abc import Callable, Sequence
from typing import Any

from pycnn import layers
from pycnn.layers import Input
from pycnn.model import Model
from pycnn.models._weights import PathLike, with_weights

# block(x, filters, stride, name) -> H(x) = F(x) + x, before nothing else
_Block = Callable[[Any, int, int, str], Any]


def _conv_norm(x: Any, filters: int, size: int, stride: int, name: str, relu: bool = True) -> Any:
    """Convolution without bias (the normalization has one), batch normalization, ReLU."""
    x = layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding=size // 2,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _with_shortcut(x: Any, f: Any, filters: int, stride: int, name: str) -> Any:
    """F(x) + x; where size or depth change, the shortcut is a 1x1 projection."""
    if stride > 1 or x.shape[-1] != filters:
        x = _conv_norm(x, filters, 1, stride, f"{name}_shortcut", relu=False)
    total = layers.Add(name=f"{name}_add")([f, x])
    return layers.ReLU(name=f"{name}_out")(total)


def _basic_block(x: Any, filters: int, stride: int, name: str) -> Any:
    """Two 3x3 convolutions."""
    f = _conv_norm(x, filters, 3, stride, f"{name}_1")
    f = _conv_norm(f, filters, 3, 1, f"{name}_2", relu=False)
    return _with_shortcut(x, f, filters, stride, name)


def _bottleneck_block(x: Any, filters: int, stride: int, name: str) -> Any:
    """1x1 down, 3x3 (which takes the stride), 1x1 up to four times as many channels."""
    f = _conv_norm(x, filters, 1, 1, f"{name}_1")
    f = _conv_norm(f, filters, 3, stride, f"{name}_2")
    f = _conv_norm(f, 4 * filters, 1, 1, f"{name}_3", relu=False)
    return _with_shortcut(x, f, 4 * filters, stride, name)


def _stages(x: Any, block: _Block, filters: Sequence[int], counts: Sequence[int]) -> Any:
    for stage, (width, count) in enumerate(zip(filters, counts, strict=True), 1):
        for number in range(1, count + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            x = block(x, width, stride, f"stage{stage}_block{number}")
    return x


def _resnet(
    depth: int,
    block: _Block,
    counts: Sequence[int],
    input_shape: Sequence[int],
    classes: int,
    weights: PathLike | None,
    device: str | None,
) -> Model:
    image = Input(input_shape)
    x = _conv_norm(image, 64, 7, 2, "stem")
    # After ReLU a zero never beats a value, so the padding may take part in the maximum.
    x = layers.ZeroPadding2D(1, name="stem_padding")(x)
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    x = _stages(x, block, (64, 128, 256, 512), counts)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    y = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return with_weights(Model(image, y, name=f"resnet{depth}", device=device), weights)


def resnet18(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Model:
    """Basic blocks 2-2-2-2: 11,689,512 trainable weights."""
    return _resnet(18, _basic_block, (2, 2, 2, 2), input_shape, classes, weights, device)


def resnet34(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Model:
    """Basic blocks 3-4-6-3: 21,797,672 trainable weights."""
    return _resnet(34, _basic_block, (3, 4, 6, 3), input_shape, classes, weights, device)


def resnet50(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Model:
    """Bottleneck blocks 3-4-6-3: 25,557,032 trainable weights."""
    return _resnet(50, _bottleneck_block, (3, 4, 6, 3), input_shape, classes, weights, device)


def resnet101(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Model:
    """Bottleneck blocks 3-4-23-3: 44,549,160 trainable weights."""
    return _resnet(101, _bottleneck_block, (3, 4, 23, 3), input_shape, classes, weights, device)


def resnet152(
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Model:
    """Bottleneck blocks 3-8-36-3: 60,192,808 trainable weights."""
    return _resnet(152, _bottleneck_block, (3, 8, 36, 3), input_shape, classes, weights, device)


def resnet20(
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    *,
    weights: PathLike | None = None,
    device: str | None = None,
) -> Model:
    """The paper's net for small images: 16-32-64 kernels, three basic blocks each."""
    image = Input(input_shape)
    x = _conv_norm(image, 16, 3, 1, "stem")
    x = _stages(x, _basic_block, (16, 32, 64), (3, 3, 3))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    y = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return with_weights(Model(image, y, name="resnet20", device=device), weights)
