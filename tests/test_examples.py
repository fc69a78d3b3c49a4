"""Every example page runs: one epoch each, in a process of its own, as a user would start it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PAGES = sorted(page.stem for page in EXAMPLES.glob("*.py") if not page.stem.startswith("_"))


def test_the_reader_s_guide_lists_every_page():
    guide = (EXAMPLES / "README.md").read_text()
    assert all(f"[{page}.py]({page}.py)" in guide for page in PAGES)
    assert len(PAGES) == 12  # one for each system of the lectures


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page, tmp_path):
    command = [sys.executable, str(EXAMPLES / f"{page}.py"), "--epochs", "1", "--target", "0.05"]
    done = subprocess.run(
        command,
        cwd=tmp_path,  # where what it saves goes
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "ccuracy" in done.stdout


def test_a_missed_target_is_an_error(tmp_path):
    command = [sys.executable, str(EXAMPLES / "x_and_o.py"), "--epochs", "1", "--target", "1.01"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "target of 101.00% is missed" in done.stderr


@pytest.mark.parametrize("page", ["x_and_o", "train_lenet5"])
def test_a_target_that_nothing_misses_is_refused(page):
    command = [sys.executable, str(EXAMPLES / f"{page}.py"), "--target", "nan"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--target must be a number" in done.stderr
