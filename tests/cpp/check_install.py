"""The core can be installed and found: `check_install.py BUILD CMAKE GENERATOR COMPILER FLAGS`.

BUILD is the folder in which pycnn was built. A project that knows nothing but the installed folder
finds the package, builds a program that runs a network, and runs it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = """
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES CXX)
find_package(pycnn 0.1 REQUIRED)
add_executable(user main.cpp)
target_link_libraries(user PRIVATE pycnn::core)
"""

MAIN = """
#include "runtime/trainer.h"

using namespace pycnn;

int main() {
  Graph graph({4, 4, 1});
  const ValueId scores = graph.dense(graph.flatten(graph.input()), {.units = 3});
  Network network(graph, scores, 1);
  const Tensor images({20, 4, 4, 1}, DType::uint8);
  return network.predict(images, 20).shape() == Shape{20, 3} ? 0 : 1;
}
"""


def main(build, cmake, generator, compiler, flags):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        installed = folder / "installed"
        subprocess.run([cmake, "--install", build, "--prefix", installed], check=True)
        headers = {path.parts[len(installed.parts) + 2] for path in installed.rglob("*.h")}
        assert headers == {"core", "cuda", "ops", "graph", "runtime"}, headers
        (folder / "CMakeLists.txt").write_text(PROJECT)
        (folder / "main.cpp").write_text(MAIN)
        configure = [cmake, "-S", folder, "-B", folder / "build", "-G", generator]
        configure += [f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={flags}"]
        subprocess.run([*configure, f"-DCMAKE_PREFIX_PATH={installed}"], check=True)
        subprocess.run([cmake, "--build", folder / "build"], check=True)
        subprocess.run([folder / "build" / "user"], check=True)
    print("pycnn can be installed and found.")


if __name__ == "__main__":
    main(*sys.argv[1:])
