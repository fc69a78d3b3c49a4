"""No kernel object brings a function that the linker could take for another instruction set's.

`check_kernel_symbols.py ISA COMPILE_COMMANDS NM`

The kernels are built once for each instruction set. An inline function outside the namespace of the
set would come from each build under one name; the linker keeps any one of them, and a machine
without AVX-512 could end in its instructions. Optimisation hides this where it happens to inline,
so the kernels are compiled once more without.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def compile_commands(path, isa):
    """The kernels' commands, by source file."""
    entries = json.loads(Path(path).read_text())
    return [entry for entry in entries if f"-DPYCNN_ISA={isa}" in shlex.split(entry["command"])]


def compile_without_optimisation(entry, folder):
    arguments = shlex.split(entry["command"])
    source = Path(entry["file"])  # ops/cpu/channels has the names of ops/cpu
    target = folder / f"{source.parent.name}-{source.name}.o"
    arguments[arguments.index("-o") + 1] = str(target)
    subprocess.run([*arguments, "-O0"], cwd=entry["directory"], check=True)
    return target


def weak_functions(nm, target):
    listing = subprocess.run([nm, "-C", target], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^[0-9a-f]* +W (.*)$", listing, re.MULTILINE), listing


def main(isa, commands, nm):
    entries = compile_commands(commands, isa)
    assert entries, f"{commands} has no kernels for {isa}"
    namespace = f"pycnn::cpu::{isa}::"
    shared = set()
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool,
    ):
        compiled = pool.map(
            lambda entry: compile_without_optimisation(entry, Path(folder)), entries
        )
        for target in compiled:
            weak, listing = weak_functions(nm, target)
            assert namespace in listing, f"{target.name} has nothing in {namespace}"
            shared |= {f"{target.name}: {name}" for name in weak if namespace not in name}
    if shared:
        sys.exit(
            f"Functions outside {namespace} that every instruction set brings "
            "(PYCNN_INLINE in block.h makes one harmless):\n  " + "\n  ".join(sorted(shared))
        )
    print(f"{len(entries)} kernel files: no function outside {namespace}")


if __name__ == "__main__":
    main(*sys.argv[1:])
