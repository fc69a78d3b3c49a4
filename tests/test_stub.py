"""pycnn/_core.pyi is generated from the extension; it must not drift from it."""

import re
import subprocess
import sys
from pathlib import Path

import pycnn


def test_stub_is_what_the_extension_generates(tmp_path: Path) -> None:
    # A process of its own: stubgen looks at every object of the module it imports.
    command = [sys.executable, "-m", "pybind11_stubgen", "pycnn._core", "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    generated = (tmp_path / "pycnn" / "_core.pyi").read_text()
    # Python 3.12 shows the buffer protocol as methods; the stub is of an earlier one.
    method = r'    def __(release_)?buffer__\(.*\n        """\n.*\n        """\n'
    generated = re.sub(method, "", generated)
    committed = (Path(pycnn.__file__).parent / "_core.pyi").read_text()
    assert committed == generated, (
        "pycnn/_core.pyi has drifted: outside the source folder, run "
        "`python -m pybind11_stubgen pycnn._core -o .` and copy the file that it writes"
    )
