"""The benchmark suite runs: tiny sizes, one turn each. How fast is no test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[1] / "benchmarks"


def run(script, *options, cwd):
    command = [sys.executable, str(SUITE / script), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Of all cases, pycnn alone."""
    folder = tmp_path_factory.mktemp("figures")
    run("run.py", "--quick", "--peers", "none", "--json", folder / "all.json", cwd=folder)
    return folder / "all.json"


def test_every_case_has_figures(figures):
    result = json.loads(figures.read_text())
    assert result["left_out"] == []
    assert result["machine"]["compiler"] and result["machine"]["instruction_set"]
    models = {row["model"] for row in result["networks"]}
    assert models == {"softmax", "mlp", "lenet5", "cnn", "resnet20", "vgg16"}
    kinds = {row["kind"] for row in result["networks"]}
    assert kinds == {"train", "predict", "latency", "evaluate"}
    assert {(row["layer"], row["direction"]) for row in result["ops"]} == {
        *(("conv", p) for p in ("forward", "backward_input", "backward_params")),
        *(("dense", p) for p in ("forward", "backward_input", "backward_params")),
        *(("max_pool", p) for p in ("forward", "backward_input")),
    }
    for row in result["networks"] + result["ops"]:
        assert row["seconds"]["pycnn"]["median"] > 0, row["case"]
        assert row["peak_gflops"] > 0
        assert (row["share_of_peak"] is None) == (row.get("layer") == "max_pool"), row["case"]


def test_the_report_goes_between_the_marks(figures, tmp_path):
    result = json.loads(figures.read_text())
    for row in result["networks"]:  # as if there had been a peer
        row["seconds"]["torch"] = {"median": 2 * row["seconds"]["pycnn"]["median"]}
        row |= {"best_peer": "torch", "ratio": 2.0}
    (tmp_path / "figures.json").write_text(json.dumps(result))
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n")
    run("run.py", "--read", tmp_path / "figures.json", "--write-readme", readme, cwd=tmp_path)
    text = readme.read_text()
    assert text.startswith("before\n<!-- figures: begin -->\n") and text.endswith("-->\nafter\n")
    assert "\nold\n" not in text
    assert "| lenet5 train b64 |" in text and "| 2.00 |" in text
    assert (tmp_path / "pictures" / "ratios.png").read_bytes().startswith(b"\x89PNG")


def test_the_suite_s_own_readme_has_the_marks():
    text = (SUITE / "README.md").read_text()
    assert text.count("<!-- figures: begin -->") == text.count("<!-- figures: end -->") == 1


def test_a_peer_gives_the_same_numbers(tmp_path):
    pytest.importorskip("torch")
    options = ["--quick", "--peers", "torch", "--only", "lenet5 train b32"]
    printed = run("run.py", *options, cwd=tmp_path)
    assert "torch channels_last" in printed


def test_step_profile(tmp_path):
    printed = run("step_profile.py", "lenet5", "--seconds", "0", cwd=tmp_path)
    assert "[Conv2D 'conv2d_1']" in printed and "Conv2dBackwardInput" in printed
    assert "images/s" in printed
