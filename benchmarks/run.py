"""pycnn's speed beside other libraries: `python benchmarks/run.py` on an idle machine.

benchmarks/README.md says what is measured and how. A peer that is not installed is left out.
"""

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

from suite import measuring, peers, processes, report
from suite.cases import network_cases, op_cases
from suite.contest import OTHER_NUMBERS, Contest, Settings, available_threads

HERE = Path(__file__).parent


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", default="", help="cases with this in the name, e.g. 'lenet5 train'"
    )
    parser.add_argument("--part", choices=["networks", "ops", "processes"], action="append")
    parser.add_argument(
        "--peers", type=peer_names, default=peers.NAMES, help="comma-separated, or none"
    )
    parser.add_argument("--threads", type=count, default=available_threads())
    parser.add_argument("--rounds", type=count, default=5)
    parser.add_argument("--seconds", type=duration, default=0.3, help="of a network's turn")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run?")
    parser.add_argument("--json", type=new_file, help="file for the figures")
    parser.add_argument(
        "--read", type=earlier_figures, help="figures of an earlier run, in place of a run"
    )
    parser.add_argument(
        "--write-readme",
        nargs="?",
        type=new_file,
        const=HERE / "README.md",
        help="tables and picture, into that file's marked place",
    )
    return parser.parse_args()


# What the options mean, checked before anything is measured: argparse shows these errors.


def peer_names(text: str) -> tuple[str, ...]:
    names = () if text == "none" else tuple(text.split(","))
    for name in names:
        if name not in peers.NAMES:
            known = ", ".join(peers.NAMES)
            raise argparse.ArgumentTypeError(f"no peer is called {name!r}; there are {known}")
    return names


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def duration(text: str) -> float:
    seconds = float(text)
    if not (0 < seconds < math.inf):
        raise argparse.ArgumentTypeError(f"must be above 0 and finite, got {seconds}")
    return seconds


def new_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"cannot write {text}")
    return path


def earlier_figures(text: str) -> report.Figures:
    try:
        return report.read(Path(text))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {text}: {error}") from None


def measure(chosen: argparse.Namespace) -> report.Figures:
    settings = Settings(
        threads=chosen.threads,
        rounds=1 if chosen.quick else chosen.rounds,
        seconds=0.01 if chosen.quick else chosen.seconds,
        quick=chosen.quick,
        peers=chosen.peers,
    )
    parts = chosen.part or ["networks", "ops", "processes"]
    contest = Contest(settings)
    result: dict[str, Any] = {"networks": [], "ops": [], "processes": []}
    start = time.perf_counter()
    try:
        if "networks" in parts:
            result["networks"] = run_cases(contest, network_cases(), chosen.only, 1.0)
        if "ops" in parts:
            result["ops"] = run_cases(contest, op_cases(chosen.quick), chosen.only, 0.2)
    finally:
        contest.close()
    if "processes" in parts and not chosen.quick:
        result["processes"] = processes.run(settings, chosen.only, contest.left_out)
    return {
        "machine": measuring.machine() | contest.core | {"threads": settings.threads},
        "commit": measuring.commit(),
        "versions": contest.versions,
        "rounds": settings.rounds,
        "seconds_in_all": round(time.perf_counter() - start),
        **result,
        "left_out": contest.left_out,
    }


def run_cases(contest: Contest, cases: list[Any], only: str, share: float) -> list[Any]:
    """`share`: of a network's turn, for shorter ones."""
    done = []
    for case in cases:
        if only not in case.name:
            continue
        seconds = contest.settings.seconds * share
        done.append(contest.run(case, seconds))
        print(report.line(done[-1]), flush=True)
    return done


def main() -> None:
    chosen = options()
    result = chosen.read or measure(chosen)
    for line in result["left_out"]:
        print(f"left out: {line}")
    if not any(result[part] for part in report.PARTS):
        sys.exit("nothing was measured: no case of that name, or all are left out")
    if chosen.json:
        measuring.write_json(chosen.json, result)
    if chosen.write_readme:
        report.write_readme(chosen.write_readme, result)
    if any(OTHER_NUMBERS in line for line in result["left_out"]):
        sys.exit("a peer did other work than pycnn")


if __name__ == "__main__":
    main()
