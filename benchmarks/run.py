"""pycnn's speed beside other libraries: `python benchmarks/run.py` on an idle machine.

benchmarks/README.md says what is measured and how. A peer that is not installed is left out.
"""

import argparse
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
    parser.add_argument("--peers", default=",".join(peers.NAMES), help="comma-separated, or none")
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a network's turn")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run?")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--read", type=Path, help="figures of an earlier run, in place of a run")
    parser.add_argument(
        "--write-readme",
        nargs="?",
        type=Path,
        const=HERE / "README.md",
        help="tables and picture, into that file's marked place",
    )
    return parser.parse_args()


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    names = [] if chosen.peers == "none" else chosen.peers.split(",")
    if unknown := set(names) - set(peers.NAMES):
        sys.exit(f"no such peers: {', '.join(unknown)}; there are {', '.join(peers.NAMES)}")
    settings = Settings(
        threads=chosen.threads,
        rounds=1 if chosen.quick else chosen.rounds,
        seconds=0.01 if chosen.quick else chosen.seconds,
        quick=chosen.quick,
        peers=tuple(names),
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
    result = report.read(chosen.read) if chosen.read else measure(chosen)
    if chosen.json:
        measuring.write_json(chosen.json, result)
    for line in result["left_out"]:
        print(f"left out: {line}")
    if chosen.write_readme:
        report.write_readme(chosen.write_readme, result)
    if any(OTHER_NUMBERS in line for line in result["left_out"]):
        sys.exit("a peer did other work than pycnn")


if __name__ == "__main__":
    main()
