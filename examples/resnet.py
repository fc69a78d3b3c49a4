"""ResNet-20 on drawn 32x32 pictures, beside the same net without its shortcuts.

Adding plain layers makes training worse; identity shortcuts repair it. Both nets get the same
steps; the figures at the end are the training losses and the accuracy on new pictures.
"""

from _common import check, options

import pycnn
from pycnn import layers, models


def plain_net(depth=6):
    """3x3 convolutions with batch normalization as in ResNet-20, no shortcuts."""
    net = [pycnn.Input((32, 32, 3))]
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(depth):
            net += [
                layers.Conv2D(
                    filters,
                    3,
                    strides=stride if number == 0 else 1,
                    padding="same",
                    use_bias=False,
                    kernel_initializer="he_normal",
                ),
                layers.BatchNormalization(momentum=0.9),
                layers.ReLU(),
            ]
    return pycnn.Sequential(
        [*net, layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]
    )


def main():
    chosen = options(__doc__, epochs=6)
    train, test = (pycnn.datasets.coloured_shapes(n, seed=n) for n in (2_000, 500))
    results = {}
    for name, model in (("plain", plain_net()), ("residual", models.resnet20())):
        model.compile(
            pycnn.optimizers.SGD(0.05, momentum=0.9),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        history = model.fit(train[0] / 255 - 0.5, train[1], 64, chosen.epochs, verbose=2)
        accuracy = model.evaluate(test[0] / 255 - 0.5, test[1], verbose=0)[1]
        results[name] = history.history["loss"][-1], accuracy
    for name, (loss, accuracy) in results.items():
        print(f"{name}: training loss {loss:.3f}, accuracy on new pictures {accuracy:.2%}")
    check(results["residual"][1], chosen.target)


if __name__ == "__main__":
    main()
