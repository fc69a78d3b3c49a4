"""Another CMake project can add pycnn's folder and use its core.

`check_subproject.py SOURCE CMAKE GENERATOR COMPILER`

Its own code finds the headers, with C++20, but is not made to take pycnn's warnings; pycnn's tests
and examples are not its business.
"""

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = """
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES CXX)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_subdirectory("{source}" pycnn)
add_executable(user main.cpp)
target_link_libraries(user PRIVATE pycnn_core)
"""

MAIN = """
#include "runtime/trainer.h"
int main() { return pycnn::Tensor(pycnn::Shape{2, 3}).shape()[0] - 2; }
"""


def configure(folder, source, cmake, generator, compiler):
    (folder / "CMakeLists.txt").write_text(PROJECT.format(source=source))
    (folder / "main.cpp").write_text(MAIN)
    command = [cmake, "-S", folder, "-B", folder / "build", "-G", generator]
    command += [f"-DCMAKE_CXX_COMPILER={compiler}", "-DPYCNN_WERROR=ON", "-DPYCNN_CUDA=OFF"]
    subprocess.run(command, check=True)
    return json.loads((folder / "build" / "compile_commands.json").read_text())


def main(source, cmake, generator, compiler):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        entries = configure(folder, source, cmake, generator, compiler)
        commands = {Path(entry["file"]): shlex.split(entry["command"]) for entry in entries}
        own = commands.pop(folder / "main.cpp")
        warnings = [argument for argument in own if argument.startswith("-W")]
        assert not warnings, f"pycnn makes its user take {warnings}"
        subprocess.run([*own, "-fsyntax-only"], cwd=folder / "build", check=True)
        core = Path(source) / "csrc"
        strangers = [str(file) for file in commands if core not in file.parents]
        assert not strangers, f"pycnn brings more than its core: {strangers}"
        lax = [str(file) for file, command in commands.items() if "-Werror" not in command]
        assert commands and not lax, f"pycnn's own code has lost its warnings: {lax}"
    print("pycnn can be a part of another project.")


if __name__ == "__main__":
    main(*sys.argv[1:])
