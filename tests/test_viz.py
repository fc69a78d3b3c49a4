"""Every picture is drawn, has what it should show, and is written where that is asked for."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pycnn
from pycnn import layers, models, viz

pytest.importorskip("matplotlib")


def shown(figure: Any) -> list[np.ndarray]:
    """The pictures in a figure, without colour bars."""
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


def texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def small(channels: int = 1) -> pycnn.Sequential:
    return pycnn.Sequential(
        [
            layers.Conv2D(6, 3, activation="relu", input_shape=(8, 8, channels)),
            layers.Conv2D(4, 3, name="second"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="head"),
        ],
        name="small",
    )


def images(channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 8, 8, channels), dtype=np.uint8)


def test_each_picture_is_saved(tmp_path: Path) -> None:
    model = small()
    history = {"loss": [2.0, 1.0], "val_loss": [2.5, 2.0], "accuracy": [0.1, 0.9]}
    pictures: dict[str, tuple[Any, ...]] = {
        "filters": (model,),
        "activation_maps": (model, images()[0], "second"),
        "saliency": (model, images()),
        "maximal_inputs": (model, "head"),
        "confusion_matrix": ([[3, 1], [0, 2]],),
        "training_curves": (history,),
        "model_diagram": (model,),
    }
    assert sorted(pictures) == sorted(viz.__all__)
    for name, arguments in pictures.items():
        file = tmp_path / f"{name}.png"
        figure = getattr(viz, name)(*arguments, save=file)
        assert type(figure).__name__ == "Figure"
        assert file.read_bytes().startswith(b"\x89PNG") and file.stat().st_size > 5_000


def run(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """In a folder of its own: only the installed package is found."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_pyplot_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import sys, pycnn; a = 'matplotlib' in sys.modules; "
        "pycnn.viz.confusion_matrix([[1]]); print(a, 'matplotlib.pyplot' in sys.modules)"
    )
    done = run(code, tmp_path)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_without_matplotlib_the_error_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None; sys.modules['matplotlib.figure'] = None\n"
        "import pycnn\npycnn.viz.confusion_matrix([[1]])"
    )
    done = run(code, tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError") and 'pip install "pycnn[plot]"' in last


def test_filters_are_the_weights() -> None:
    model = small()
    kernel = model.layers[0].get_weights()[0]
    drawn = shown(viz.filters(model))
    assert len(drawn) == 6
    np.testing.assert_array_equal(drawn[4], kernel[:, :, 0, 4])
    second = shown(viz.filters(model.get_layer("second")))
    assert len(second) == 24
    kernel = model.get_layer("second").get_weights()[0]
    np.testing.assert_array_equal(second[4 * 2 + 3], kernel[:, :, 2, 3])
    few = viz.filters(model.get_layer("second"), most=8)
    assert len(shown(few)) == 8 and "first ones" in few.get_suptitle()
    assert shown(viz.filters(small(3)))[0].shape == (3, 3, 3)


def test_neurons_that_see_the_image_are_drawn_as_images() -> None:
    model = models.softmax_mnist()
    drawn = shown(viz.filters(model))
    weights = next(layer for layer in model.layers if hasattr(layer, "units")).get_weights()[0]
    np.testing.assert_array_equal(drawn[7], weights[:, 7].reshape(28, 28))
    inner = small()
    with pytest.raises(ValueError, match="no image"):
        viz.filters(inner.get_layer("head"))
    with pytest.raises(ValueError, match="no kernels"):
        viz.filters(pycnn.Sequential([layers.Flatten(input_shape=(2, 2))]))


def test_activation_maps_are_drawn_by_channel() -> None:
    model, image = small(), images()[0]
    expected = pycnn.analysis.activation_maps(model, image[np.newaxis], "second")[0]
    for given in (image, image[..., 0], image[np.newaxis]):
        drawn = shown(viz.activation_maps(model, given, "second"))
        np.testing.assert_array_equal(drawn[3], expected[:, :, 3])
    bars = viz.activation_maps(model, image, "head").axes[0].patches
    heights = [bar.get_height() for bar in bars]
    np.testing.assert_allclose(heights, model.predict(image[np.newaxis], verbose=0)[0])
    with pytest.raises(ValueError, match="one image"):
        viz.activation_maps(model, images(), "head")


def test_saliency_is_below_its_image() -> None:
    model, x = small(3), images(3)
    figure = viz.saliency(model, x, [0, 1, 2, 0], names=["cat", "dog", "emu"])
    drawn = shown(figure)
    np.testing.assert_array_equal(drawn[1], x[1])
    found = pycnn.analysis.saliency(model, x, [0, 1, 2, 0])
    np.testing.assert_allclose(drawn[5], found[1] / found[1].max(), rtol=1e-6)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == ["cat", "dog", "emu", "cat"]
    with pytest.raises(ValueError, match="16"):
        viz.saliency(model, np.zeros((17, 8, 8, 3)))


def test_maximal_inputs_show_what_the_neuron_sees() -> None:
    model = small()
    drawn = shown(viz.maximal_inputs(model, "second", [1, 3], steps=5, blur=0.2))
    assert [picture.shape for picture in drawn] == [(5, 5)] * 2
    whole = shown(viz.maximal_inputs(model, "head", steps=5))
    assert [picture.shape for picture in whole] == [(8, 8)] * 3
    np.testing.assert_array_equal(
        whole[2], pycnn.analysis.maximal_input(model, "head", 2, steps=5)[..., 0]
    )


def test_confusion_matrix_shows_counts_and_names() -> None:
    figure = viz.confusion_matrix([[8, 2], [0, 10]], ["cross", "circle"])
    assert texts(figure) == ["8", "2", "10"]
    assert figure.axes[0].get_title() == "20 images, 90.00% right"
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["cross", "circle"]
    for bad in ([[1, 2, 3]], [1], np.zeros((0, 0))):
        with pytest.raises(ValueError, match="square"):
            viz.confusion_matrix(bad)
    with pytest.raises(ValueError, match="names"):
        viz.confusion_matrix([[1]], ["a", "b"])


def test_training_curves_begin_with_the_first_epoch() -> None:
    history = pycnn.callbacks.History()
    for epoch in (3, 4):
        history.on_epoch_end(epoch, {"loss": 4.0 - epoch, "val_loss": 5.0 - epoch, "acc": 0.5})
    loss, accuracy = viz.training_curves(history).axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    np.testing.assert_array_equal(loss.lines[1].get_xydata(), [[4, 2], [5, 1]])
    assert accuracy.get_ylabel() == "acc"
    with pytest.raises(ValueError, match="no epochs"):
        viz.training_curves({})


def branched() -> pycnn.Model:
    x = pycnn.Input((8, 8, 3))
    y = layers.Conv2D(4, 1, name="stem")(x)
    z = layers.Conv2D(4, 3, padding="same", name="b")(layers.Conv2D(4, 1, name="a")(y))
    y = layers.add([y, z])
    parts = [layers.Conv2D(2, 1)(y) for _ in range(3)]
    return pycnn.Model(x, layers.Flatten()(layers.concatenate(parts)))


@pytest.mark.parametrize("make", [branched, small, models.googlenet, models.resnet20])
def test_diagram_has_every_layer_and_no_overlap(make: Any) -> None:
    model = make()
    figure = viz.model_diagram(model)
    titles = texts(figure)[::2]
    wanted = [f"{layer.name} ({type(layer).__name__})" for layer in model.layers]
    assert sorted(titles) == sorted(["input", *wanted])
    figure.canvas.draw()
    boxes = [patch.get_window_extent() for patch in figure.axes[0].patches]
    assert len(boxes) == len(titles)
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])
    for text in figure.axes[0].texts:
        if text.get_text():
            extent = text.get_window_extent()
            assert any(box.x0 <= extent.x0 and extent.x1 <= box.x1 for box in boxes)


@pytest.mark.parametrize("name", [name for name in models.__all__ if name != "start_from"])
def test_no_title_of_a_diagram_is_cut_off(name: str) -> None:
    assert_inside(viz.model_diagram(getattr(models, name)()))


def test_no_title_of_another_picture_is_cut_off() -> None:
    model = small()
    pictures = [
        viz.filters(model),
        viz.filters(model.get_layer("second"), most=2),
        viz.activation_maps(model, images()[0], "second", most=1),
        viz.activation_maps(model, images()[0], "head"),
        viz.saliency(model, images()[:1]),
        viz.maximal_inputs(model, "head", [0], steps=1),
        viz.confusion_matrix([[100_000_000]]),
    ]
    for figure in pictures:
        assert_inside(figure)


def assert_inside(figure: Any) -> None:
    """The titles, of the figure and above its pictures."""
    figure.canvas.draw()
    titles = [axes.title for axes in figure.axes] + ([figure._suptitle] if figure._suptitle else [])
    written = [title.get_window_extent() for title in titles if title.get_text()]
    assert written
    for extent in written:
        assert extent.x0 >= 0 and extent.x1 <= figure.bbox.width
        assert extent.y0 >= 0 and extent.y1 <= figure.bbox.height
