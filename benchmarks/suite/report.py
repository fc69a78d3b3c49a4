"""Figures as lines, as tables for the README, and as a picture."""

import json
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
PICTURE = Path("pictures") / "ratios.png"  # beside the README
PARTS = ("networks", "ops", "processes")

Figures = dict[str, Any]


def read(path: Path) -> Figures:
    """What `--json` wrote.

    Raises:
        ValueError: it is something else.
    """
    figures: Figures = json.loads(path.read_text())
    wanted = (*PARTS, "machine", "versions", "commit", "seconds_in_all", "left_out")
    if not isinstance(figures, dict) or any(name not in figures for name in wanted):
        raise ValueError("these are not the figures of a run")
    return figures


def line(row: Figures) -> str:
    """A case as it is shown while the suite runs."""
    times = ", ".join(f"{name} {_time(t['median'])}" for name, t in row["seconds"].items())
    ratio = f"; {_factor(row['ratio'])} times {row['best_peer']}" if row["best_peer"] else ""
    return f"{row['case']}: {times}{ratio}{_share(row, '; {} of the peak')}"


def process_line(row: Figures) -> str:
    """The same for whole processes."""
    values = [f"{name} {v['median']:.3g} {row['unit']}" for name, v in row["values"].items()]
    ratio = f"; {_factor(row['ratio'])} times {row['best_peer']}" if row["best_peer"] else ""
    return f"{row['case']}: {', '.join(values)}{ratio}"


def write_readme(readme: Path, figures: Figures) -> None:
    """Puts tables and picture between the README's two marks.

    Raises:
        ValueError: the marks are not there.
    """
    text = readme.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no marks {BEGIN} and {END}")
    from suite import picture  # needs matplotlib

    (readme.parent / PICTURE).parent.mkdir(exist_ok=True)
    shown = picture.draw(figures, readme.parent / PICTURE)
    body = section(figures, PICTURE if shown else None)
    readme.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}")


def section(figures: Figures, picture: Path | None) -> str:
    """The README's section, as Markdown."""
    parts = [_setting(figures)]
    if picture is not None:
        parts.append(f"![pycnn's speed over the best peer's, case by case]({picture.as_posix()})")
    for title, rows, of in (
        ("Networks", figures["networks"], "Time of a step, batch, image or data set"),
        ("Ops", figures["ops"], "Time of one pass"),
    ):
        if rows:
            parts += [f"### {title}", f"{of}; ratio: the best peer's time over pycnn's."]
            parts.append(_case_table(rows))
    if figures["processes"]:
        parts += ["### Whole processes", _process_table(figures["processes"])]
    if figures["left_out"]:
        parts += ["### Left out", "\n".join(f"- {reason}" for reason in figures["left_out"])]
    return "\n\n".join(parts)


def _setting(figures: Figures) -> str:
    machine, versions = figures["machine"], figures["versions"]
    peers = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "pycnn")
    rounds = f", at most {figures['rounds']} turns each" if "rounds" in figures else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"{machine.get('instruction_set', '')}, {machine['memory_gib']} GiB; {machine['system']}, "
        f"Python {machine['python']}, {machine.get('compiler', '')}; commit {figures['commit']}; "
        f"beside {peers or 'nobody'}{rounds}. {figures['seconds_in_all']} s in all."
    )


def _case_table(rows: list[Figures]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row["seconds"]))
    lines = [_table_row(["Case", *names, "Ratio", "Share of the peak"])]
    lines.append(_table_row(["---"] * (len(names) + 3)))
    for row in rows:
        times = [
            _time(row["seconds"][name]["median"]) if name in row["seconds"] else ""
            for name in names
        ]
        ratio = _factor(row["ratio"]) if row["ratio"] else ""
        lines.append(_table_row([row["case"], *times, ratio, _share(row, "{}")]))
    return "\n".join(lines)


def _process_table(rows: list[Figures]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row["values"]))
    lines = [_table_row(["Case", *names, "Ratio"]), _table_row(["---"] * (len(names) + 2))]
    for row in rows:
        values = [f"{row['values'][name]['median']:.3g} {row['unit']}" for name in names]
        lines.append(
            _table_row([row["case"], *values, _factor(row["ratio"]) if row["ratio"] else ""])
        )
    return "\n".join(lines)


def _table_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _share(row: Figures, form: str) -> str:
    share = row["share_of_peak"]
    return form.format(f"{share:.0%}") if share else ""


def _factor(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _time(seconds: float) -> str:
    """Three digits, in the unit that suits."""
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    unit, size = next((pair for pair in units if seconds >= pair[1]), units[-1])
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
