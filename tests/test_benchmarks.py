"""The benchmark suite runs: tiny sizes, one turn each. How fast is no test's business."""

import importlib
import json
import runpy
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pycnn

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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--peers", "torch,"], "no peer is called ''"),
        (["--rounds", "0"], "must be at least 1"),
        (["--seconds", "nan"], "must be above 0"),
        (["--json", "nowhere/figures.json"], "cannot write"),
        (["--read", "nowhere.json"], "cannot read"),
        (["--read", "other.json"], "not the figures of a run"),
        (
            ["--only", "nomatch", "--peers", "none", "--write-readme", "R.md"],
            "nothing was measured",
        ),
    ],
    ids=str,
)
def test_wrong_options_are_told_and_nothing_is_written(options, message, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    command = [sys.executable, str(SUITE / "run.py"), "--quick", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode != 0 and message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["other.json"]


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
    assert "[Conv2D 'conv2d_1']" in printed and "Conv2dPoolBackwardInput" in printed
    assert "images/s" in printed


# ---- on a GPU


@pytest.fixture
def gpu(monkeypatch):
    """The names of gpu.py."""
    monkeypatch.syspath_prepend(str(SUITE))
    return runpy.run_path(str(SUITE / "gpu.py"), run_name="gpu")


def test_a_part_that_takes_too_long_is_ended_with_all_its_processes(gpu, tmp_path):
    late = tmp_path / "late"
    script = f"(sleep 2; touch {late}) & echo so far; sleep 60"
    begin = time.monotonic()
    assert gpu["limited"](["sh", "-c", script], 0.5) == (None, "so far\n")
    assert time.monotonic() - begin < 2.0
    time.sleep(2.0)
    assert not late.exists()
    assert gpu["limited"](["sh", "-c", "echo $A; exit 3"], 10, A="b") == (3, "b\n")


def test_contenders_take_turns_and_one_that_fails_is_named(gpu):
    nets = importlib.import_module("gpu_nets")
    order = []

    def runner(name, fails_at=None):
        def step():
            order.append(name)
            if order.count(name) == fails_at:
                raise ValueError(name)
            return 6

        return lambda: nets.Runner(step, nets.Clock("none", lambda: lambda: 3.0))

    def missing():
        raise ModuleNotFoundError("no such peer")

    found = gpu["alternating"](
        {"one": runner("one"), "two": runner("two", fails_at=2), "three": missing}, 3, 0.0
    )
    assert order == ["one", "two", "one", "two", "one"]
    assert found["one"] == {"clock": "none", "rounds": [2.0] * 3, "images_per_second": 2.0}
    assert found["two"]["rounds"] == [2.0] and found["two"]["error"] == "ValueError: two"
    assert found["three"] == {"error": "ModuleNotFoundError: no such peer"}


def test_the_parts_limits_add_up_to_less_than_eight_minutes(gpu):
    assert sum(limit for _, limit in gpu["PARTS"].values()) < 8 * 60


@pytest.mark.usefixtures("gpu")
def test_jax_s_resnet20_gives_pycnn_s_losses():
    pytest.importorskip("jax")
    jax, nets = (importlib.import_module(name) for name in ("gpu_jax", "gpu_nets"))
    model = pycnn.models.resnet20((8, 8, 3))
    model.compile(
        pycnn.optimizers.SGD(nets.RATE, momentum=nets.MOMENTUM), "sparse_categorical_crossentropy"
    )
    peer = jax.resnet20()
    for name, weights in peer.parameters.items():
        if name == "predictions":
            model.get_layer(name).set_weights([*map(np.asarray, weights)])
            continue
        kernel, gamma, beta = map(np.asarray, weights)
        statistics = map(np.asarray, peer.statistics[name])
        model.get_layer(f"{name}_conv").set_weights([kernel])
        model.get_layer(f"{name}_norm").set_weights([gamma, beta, *statistics])
    x, y = nets.images_for((8, 8, 3), 10, 8)
    step, state = jax.trainer(peer, x, y), jax.first_state(peer)
    for chosen in (np.arange(4), np.arange(4, 8), np.arange(2, 6)):
        state, loss = step(state, chosen)
        expected = model.train_on_batch(x[chosen].astype(np.float32) / 255, y[chosen])
        assert float(loss) == pytest.approx(expected, rel=1e-3)
    for name in ("stem", "stage2_block1_shortcut", "stage3_block3_2"):
        moving = model.get_layer(f"{name}_norm").get_weights()[2]
        np.testing.assert_allclose(state[2][name][0], moving, rtol=1e-2, atol=1e-3)


@pytest.mark.cuda
@pytest.mark.skipif(not pycnn.cuda.is_available(), reason="there is no GPU")
def test_gpu_figures(tmp_path):
    file = tmp_path / "gpu.json"
    parts = ["lenet5_batch_64", "lenet5_to_99_percent", "memcheck"]
    run("gpu.py", "--quick", file, "--only", *parts, cwd=tmp_path)
    report = json.loads(file.read_text())
    assert [*report["parts"]] == parts
    speed, _, memory = (part["result"] for part in report["parts"].values())
    assert speed["pycnn"]["images_per_second"] > 0
    assert speed["pycnn"]["clock"] == "device events"
    assert speed["torch_eager"].get("clock") == "device events" or "error" in speed["torch_eager"]
    assert memory["passed"] and memory["without_a_test"] == []
    files = {f"test_{name}.py" for name in ("conv2d", "softmax", "zero_pad2d", "cuda_small_net")}
    assert files <= set(memory["files"])
