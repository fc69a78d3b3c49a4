"""A pytest plugin (`-p gpu_sample`): as many tests as there is time for, of every file alike.

Files take turns, and so do the tests of a file, cases of one test being far from each other at
first. After PYCNN_SAMPLE_SECONDS no further test begins, but for files that had none yet.
PYCNN_SAMPLE_FILE gets how many tests of each file were run, and how many there are, as JSON after
every test.
"""

import itertools
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

_START = time.monotonic()
_SECONDS = float(os.environ["PYCNN_SAMPLE_SECONDS"])
_FILE = Path(os.environ["PYCNN_SAMPLE_FILE"])

_all: Counter[str] = Counter()
_run: Counter[str] = Counter()


def _spread(count: int) -> list[int]:
    """0 to count - 1, far from each other at first: tables begin with their simplest rows."""
    bits = max(count - 1, 1).bit_length()
    backwards = (int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits))
    return [i for i in backwards if i < count]


def _in_turn(queues: Iterable[list[pytest.Item]]) -> list[pytest.Item]:
    """The first of each, then the second of each, and so on."""
    rounds = itertools.zip_longest(*queues)
    return [item for turn in rounds for item in turn if item is not None]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files: dict[Path, dict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        files[item.path][getattr(item, "originalname", item.name)].append(item)
        _all[item.path.name] += 1
    items[:] = _in_turn(
        _in_turn([cases[i] for i in _spread(len(cases))] for cases in functions.values())
        for functions in files.values()
    )


def _over() -> bool:
    return time.monotonic() - _START > _SECONDS and len(_run) == len(_all)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    result = yield
    _run[item.path.name] += 1
    counts = {name: {"run": _run[name], "of": _all[name]} for name in sorted(_all)}
    _FILE.write_text(json.dumps(counts))
    if _over():
        item.session.shouldstop = f"{_SECONDS:.0f} s are over"
    return result


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.INTERRUPTED and _over() and session.testsfailed == 0:
        session.exitstatus = pytest.ExitCode.OK
