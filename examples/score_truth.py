"""Score any analyser against the simulated patient's truth file; needs nothing but Python.

python examples/score_truth.py TRUTH.jsonl RESULTS.csv [--movements MOVEMENTS.csv]

RESULTS.csv has one row per response: stim_seq, channel, onset_ms, pp_uv. `stim_seq` is the shock's number, or several
joined by `;` for an average; `channel` is like left.nasalis; an empty cell says "no response". onset_ms counts from the
cathodal edge with the front-end's group delay taken off. MOVEMENTS.csv has ordinal, channel, rms_uv.
"""

import argparse
import csv
import io
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean, median, pstdev
from typing import Any

Truth = Mapping[str, Any]
Sizes = Mapping[str, list[tuple[float, float, float]]]
"""By side: measured, apparent and own peak to peak."""


def read_truth(path: Path) -> tuple[Truth, dict[int, Truth], dict[int, Truth]]:
    """The header, the shocks by number, and the movements by ordinal."""
    lines = list(entries(path))
    header: Any = lines.pop(0) if lines else {}
    if header.get("format") != "npr-daq truth" or header.get("version") != 1:
        raise SystemExit(f"{path}: format and version are not 'npr-daq truth' 1")
    # the first pulse of a train stands for it
    shocks = {line["stim_seq"]: line for line in lines if "stim_seq" in line and line["pulse"] == 0}
    return header, shocks, {line["ordinal"]: line for line in lines if "performed" in line}


def text_of(path: Path) -> str:
    """A file's text, with or without the byte order mark that spreadsheets write."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as cause:
        raise SystemExit(f"{path}: {cause.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise SystemExit(f"{path}: it is not UTF-8 text") from None


def entries(path: Path) -> Iterator[Truth]:
    """The lines of a truth file; one that a killed simulator left half written is told and passed over."""
    whole = text_of(path).split("\n")
    for at, text in enumerate(whole, 1):
        try:
            entry = json.loads(text) if text else None
        except ValueError:
            if at == 1 or at < len(whole):
                raise SystemExit(f"{path} line {at}: it is no JSON, so no truth file or a spoilt one") from None
            print(f"{path} line {at}: the last line is cut short; it is left out", file=sys.stderr)
            return
        if not isinstance(entry, dict | None):
            raise SystemExit(f"{path} line {at}: it is no JSON object, so this is no truth file")
        if entry is not None:
            yield entry


def rows(path: Path, columns: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table with their line numbers."""
    table = csv.DictReader(io.StringIO(text_of(path)), restval="")
    missing = [name for name in columns if name not in (table.fieldnames or ())]
    if missing:
        raise SystemExit(
            f"{path}: column {missing[0]!r} is missing; it needs {', '.join(columns)}, with commas between them"
        )
    yield from ((table.line_num, row) for row in table)


def number(text: str, where: str) -> float | None:
    """A number, or None for an empty cell."""
    if not text.strip():
        return None
    try:
        found = float(text)
    except ValueError:
        raise SystemExit(f"{where}: {text!r} is not a number") from None
    if not math.isfinite(found):
        raise SystemExit(f"{where}: {text!r} is not a number; leave the cell empty where there is no response")
    return found


def mean(shocks: Iterable[Truth], channel: str, *keys: str) -> float | None:
    """Mean of one entry over shocks; None where it is null in any of them."""
    values = []
    for shock in shocks:
        value: Any = shock["channels"][channel]
        for key in keys:
            value = value[key]
        if value is None:
            return None
        values.append(value)
    return fmean(values)


def line(name: str, errors: list[float], unit: str) -> str:
    """n, mean, SD, median and the 95th percentile of the size of errors."""
    if not errors:
        return f"{name:34} none"
    errors = [round(error, 6) + 0.0 for error in errors]
    ordered = sorted(map(abs, errors))
    most = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return (
        f"{name:34} n {len(errors):4}  mean {fmean(errors):+9.3f}  SD {pstdev(errors):8.3f}  "
        f"median {median(errors):+9.3f}  95 % {most:8.3f}  max {ordered[-1]:8.3f} {unit}"
    )


def score_responses(header: Truth, shocks: Mapping[int, Truth], path: Path) -> None:
    """Onsets against `t_ref`, amplitudes and side ratios against the apparent response behind the front-end."""
    onset, to_theta, to_nmj, size, missed, invented = [], [], [], [], 0, 0
    sides: dict[tuple[str, str], dict[str, list[tuple[float, float, float]]]] = defaultdict(lambda: defaultdict(list))
    for at, row in rows(path, ("stim_seq", "channel", "onset_ms", "pp_uv")):
        where = f"{path} line {at}"
        numbers = [number(text, where) for text in row["stim_seq"].split(";")]
        unknown = [n for n in numbers if n not in shocks]
        if unknown:
            named = "an empty stim_seq" if unknown[0] is None else f"stimulus {unknown[0]:g}"
            raise SystemExit(f"{where}: {named} is not in the truth file")
        given, channel = [shocks[int(n or 0)] for n in numbers], row["channel"]
        if any(channel not in shock["channels"] for shock in given):
            raise SystemExit(f"{where}: channel {channel!r} is not in the truth of {row['stim_seq']}")
        said, true = number(row["onset_ms"], where), mean(given, channel, "t_ref")
        theta, nmj = mean(given, channel, "t_theta"), mean(given, channel, "t_nmj")
        missed += said is None and true is not None
        invented += said is not None and true is None
        if said is not None and true is not None:
            onset.append(said - true)
            to_theta += [true - theta] if theta is not None else []
            to_nmj += [true - nmj] if nmj is not None else []
        pp, seen = number(row["pp_uv"], where), mean(given, channel, "clin", "pp_uv")
        own = mean(given, channel, "own", "pp_uv")
        if pp is None or not seen:
            continue
        size.append(100 * (pp / seen - 1))
        side, _, muscle = channel.partition(".")
        if side == given[0]["side"]:
            sides[given[0]["site"], muscle][side].append((pp, seen, own or 0.0))
    print(line("onset against t_ref", onset, "ms"))
    print(line("  t_ref itself against t_theta", to_theta, "ms"))
    print(line("  t_ref itself against t_nmj", to_nmj, "ms"))
    print(f"{'responses missed / invented':34} {missed} / {invented}")
    print(line("peak to peak against apparent", size, "%"))
    print_ratios(header, sides)


def print_ratios(
    header: Truth, sides: Mapping[tuple[str, str], Mapping[str, list[tuple[float, float, float]]]]
) -> None:
    """Lesioned over other side: as measured, as truly seen, and the muscle's own, which no electrode sees alone."""
    lesion = header["side"]
    other = {"left": "right", "right": "left"}[lesion]
    errors = []
    print(f"\n{'site':20} {'muscle':22} {'measured':>9} {'apparent':>9} {'own':>7} {'alive':>7}   % of the other side")
    for (site, muscle), by_side in sorted(sides.items()):
        if lesion not in by_side or other not in by_side:
            continue
        here, there = ([fmean(values) for values in zip(*by_side[side], strict=True)] for side in (lesion, other))
        measured, seen, own = (100 * a / b if b else float("nan") for a, b in zip(here, there, strict=True))
        alive = 100 * (1 - header["degeneration"][f"{lesion}.{muscle}"])
        errors.append(measured - seen)
        print(f"{site:20} {muscle:22} {measured:9.1f} {seen:9.1f} {own:7.1f} {alive:7.1f}")
    print(line("side ratio against apparent", errors, "points"))


def score_movements(movements: Mapping[int, Truth], path: Path) -> None:
    """RMS on the plateau of movements against the expected one."""
    errors = []
    for at, row in rows(path, ("ordinal", "channel", "rms_uv")):
        where = f"{path} line {at}"
        said, ordinal = number(row["rms_uv"], where), number(row["ordinal"], where)
        if ordinal not in movements or row["channel"] not in movements[int(ordinal or 0)]["channels"]:
            raise SystemExit(f"{where}: movement {row['ordinal']} of {row['channel']!r} is not in the truth file")
        if said is not None:
            true = movements[int(ordinal or 0)]["channels"][row["channel"]]["app"]["rms_uv"]
            errors.append(100 * (said / true - 1))
    print(line("plateau RMS against expected", errors, "%"))


def main(arguments: list[str] | None = None) -> None:
    """Read the files and print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--movements", type=Path)
    chosen = parser.parse_args(arguments)
    header, shocks, movements = read_truth(chosen.truth)
    print(f"patient {header['patient']}, seed {header['seed']}, hash {header['hash'][:12]}, {len(shocks)} shocks\n")
    score_responses(header, shocks, chosen.results)
    if chosen.movements is not None:
        score_movements(movements, chosen.movements)


if __name__ == "__main__":
    sys.exit(main())
