"""What a network learns to see: LeNet-5 reads digits, and its insides are drawn into --out."""

from pathlib import Path

from _common import check, load_digits, options

import pycnn
from pycnn import metrics, models, viz


def main():
    chosen = options(__doc__, epochs=2, out="what_networks_learn")
    folder = Path(chosen.out)
    folder.mkdir(parents=True, exist_ok=True)
    (x_train, y_train), (x_test, y_test) = load_digits()
    model = models.lenet5()
    steps = chosen.epochs * -(-len(x_train) // 64)
    model.compile(
        pycnn.optimizers.SGD(
            pycnn.optimizers.schedules.OneCycle(0.05, steps), momentum=0.9, nesterov=True
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        x_train, y_train, 64, chosen.epochs, verbose=2, validation_data=(x_test, y_test)
    )
    guesses = model.predict(x_test, verbose=0).argmax(axis=1)
    counts = metrics.confusion_matrix(y_test, guesses, classes=10)
    # One test image of each digit.
    digits = x_test[[int((y_test == digit).argmax()) for digit in range(10)]]

    viz.model_diagram(model, save=folder / "model.png")
    viz.training_curves(history, save=folder / "training.png")
    viz.confusion_matrix(counts, save=folder / "confusion.png")
    viz.filters(model, save=folder / "filters_1.png")
    viz.filters(model.get_layer("conv2d_1"), most=96, save=folder / "filters_2.png")
    viz.activation_maps(model, digits[3], "conv2d", save=folder / "maps_1.png")
    viz.activation_maps(model, digits[3], "conv2d_1", save=folder / "maps_2.png")
    viz.saliency(model, digits, save=folder / "saliency.png")
    viz.maximal_inputs(model, "conv2d_1", save=folder / "maximal_patches.png")
    calm = {"rate": 0.05, "blur": 0.3, "decay": 0.05}
    viz.maximal_inputs(model, "dense_2", save=folder / "maximal_digits.png", **calm)
    print(f"The pictures are in {folder}")
    check(float((guesses == y_test).mean()), chosen.target)


if __name__ == "__main__":
    main()
