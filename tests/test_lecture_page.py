"""The code on docs/lectures.md runs and gives the builders' nets; pages and pictures exist."""

import re
from pathlib import Path
from typing import Any

import pytest

import pycnn
from pycnn import models

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "lectures.md").read_text()


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The names that the page's code leaves behind."""
    pytest.importorskip("matplotlib")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(block, names)
    return names


def sizes(model: pycnn.Model) -> list[tuple[int, ...]]:
    return [weight.shape for weight in model.get_weights()]


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("linear", models.linear_classifier),
        ("two_layers", models.two_layer_classifier),
        ("softmax", models.softmax_mnist),
        ("deeper", models.mlp_mnist),
        ("x_and_o", models.x_and_o),
        ("cnn", models.cnn_mnist),
        ("lenet5", models.lenet5),
        ("alexnet", lambda: models.alexnet((64, 64, 3), 10)),
        ("vgg11", lambda: models.vgg11((32, 32, 3), 10)),
        ("vgg13", lambda: models.vgg13((32, 32, 3), 10)),
        ("inception", models.inception_module),
        ("ranked", lambda: models.lenet5((32, 32, 3))),
    ],
)
def test_the_page_s_nets_are_the_builders(made: dict[str, Any], name: str, build: Any) -> None:
    model, built = made[name], build()
    assert sorted(sizes(model)) == sorted(sizes(built))
    assert model.input_shape == built.input_shape and model.output_shape == built.output_shape
    assert pycnn.analysis.multiply_adds(model) == pycnn.analysis.multiply_adds(built)


def test_the_page_s_other_results(made: dict[str, Any]) -> None:
    assert "block1_conv1" in made["copied"] and "fc2" in made["copied"]
    assert made["block"].output_shape == (None, 16, 16, 32)
    assert made["field"] == (16, 16) and made["work"] == 271_351_808
    assert made["excites"].shape == (28, 28, 1) and made["figure"].axes


def test_each_system_has_code_and_a_picture() -> None:
    sections = re.split(r"^## (?=\d+\. )", PAGE, flags=re.M)[1:]
    assert [int(section.split(".")[0]) for section in sections] == list(range(1, 13))
    for section in sections:
        assert "```python" in section and re.search(r"!\[.+\]\(pictures/\w+\.png\)", section)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_pictures_are_there_and_pages_are_listed(page: Path) -> None:
    for picture in re.findall(r"\]\((pictures/[^)]+)\)", page.read_text()):
        assert (DOCS / picture).is_file(), picture
    readme = (DOCS.parent / "README.md").read_text()
    if page.name != "README.md":
        assert f"({page.name})" in (DOCS / "README.md").read_text()
        assert f"(docs/{page.name})" in readme
