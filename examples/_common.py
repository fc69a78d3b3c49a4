"""What the example pages share: their options, the data, and the check at the end."""

import argparse
import math
import sys

import pycnn


def options(description, *, epochs, **extra):
    """--epochs, --seed, --target and what `extra` adds as name=default."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", type=float, help="least accuracy, e.g. 0.9; else exit with 1")
    for name, default in extra.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    chosen = parser.parse_args()
    if chosen.target is not None and not math.isfinite(chosen.target):
        parser.error("--target must be a number")
    pycnn.set_random_seed(chosen.seed)
    return chosen


def load_digits():
    """MNIST, or drawn digits when it cannot be had."""
    try:
        return pycnn.datasets.mnist.load_data()
    except OSError as error:
        print(f"{error}\nGoing on with drawn digits instead of MNIST.", file=sys.stderr)
        draw = pycnn.datasets.synthetic_digits
        return draw(20_000, seed=1), draw(4_000, seed=2)


def check(accuracy, target):
    """Says what was reached, and ends with an error when that is too little."""
    print(f"Accuracy {accuracy:.2%}")
    if target is not None and accuracy < target:
        sys.exit(f"The target of {target:.2%} is missed.")
