"""The cohort's tables: sensitivity, specificity, indeterminate and refused, the index, intervals, retest, W13."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from math import isfinite, log2, sqrt
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy import stats
from sct_truth import PAIRS, POSITIVE_Q, POSITIVE_WEIGHT, Pair, Patient, patient

from npr_daq.analysis.synkinesis import asymmetry, minimal_detectable_change
from npr_simulators.person.cohort import DECOYS, NOT_SYNKINETIC, SYNKINETIC

WORDS = ("present", "absent", "indeterminate", "refused")
W13 = {"zygomaticus": (73.74, 19.12, 154), "orbicularis_oris": (79.72, 14.77, 154)}
"""Smaller over larger side in percent, SD, n (clinical reference 7); the frontalis is in none of the four tasks."""
W13_KINDS = ("healthy", "snarl")
"""Faces without a lesion and with usual strength and electrodes."""


def tables(folder: Path, seeds: list[int], again: Path | None, seeds_again: list[int], *, jobs: int = 1) -> str:
    """All tables as Markdown."""
    people = _people(folder, seeds, jobs)
    pairs = [pair for one in people for pair in one.pairs]
    parts = [
        f"{len(people)} patients, seeds {seeds[0]} to {seeds[-1]}; n and Wilson's 95 % interval",
        _sensitivity(pairs),
        _specificity(people, pairs),
        _answers(pairs),
        _by_kind(people),
        _index(people),
        _coverage(pairs),
        _w13(people),
    ]
    if again is not None:
        parts.append(_retest(people, _people(again, seeds_again, jobs)))
    return "\n\n".join(parts)


def _people(folder: Path, seeds: list[int], jobs: int) -> list[Patient]:
    folders = [folder / str(seed) for seed in seeds]
    if jobs == 1:
        return [patient(one) for one in folders]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(pool.map(patient, folders, chunksize=4))


def wilson(hits: int, n: int) -> str:
    """`hits`/n as a share with its interval."""
    if not n:
        return "- (n = 0)"
    ends = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return f"{hits / n:.3f} [{ends.low:.3f}, {ends.high:.3f}] ({hits}/{n})"


def _table(title: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    columns = list(head)
    lines = [f"**{title}**", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def _share(pairs: list[Pair], right: Callable[[Pair], bool]) -> str:
    return wilson(sum(map(right, pairs)), len(pairs))


def _found(pair: Pair) -> bool:
    return pair.verdict == "present"


def _words(pairs: list[Pair]) -> list[int]:
    return [sum(pair.verdict == word for pair in pairs) for word in WORDS[1:]]


def _names() -> list[str]:
    return [f"{task} -> {slave}".replace("_", " ") for task, _, slave in PAIRS]


def _sensitivity(pairs: list[Pair]) -> str:
    by = {
        f"true Q >= {POSITIVE_Q:g}": lambda pair: pair.true_q >= POSITIVE_Q,
        f"weight >= {POSITIVE_WEIGHT:.0%}": lambda pair: pair.weight >= POSITIVE_WEIGHT,
    }
    rows = []
    for title, positive in by.items():
        chosen = [pair for pair in pairs if pair.synkinetic and positive(pair)]
        for name in (*_names(), "all"):
            some = [pair for pair in chosen if name in (pair.name, "all")]
            rows.append((title, name, _share(some, _found), *_words(some)))
    between = [p for p in pairs if p.synkinetic and p.true_q < POSITIVE_Q and p.weight < POSITIVE_WEIGHT]
    rows.append(("between", "all", f"{sum(map(_found, between))}/{len(between)} present", *_words(between)))
    return _table("Sensitivity", ("positive by", "pair", "present", *WORDS[1:]), rows)


def _specificity(people: list[Patient], pairs: list[Pair]) -> str:
    negative = [pair for pair in pairs if not pair.synkinetic]
    rows = []
    for name in (*_names(), "all"):
        some = [pair for pair in negative if name in (pair.name, "all")]
        rows.append((name, _share(some, lambda pair: not _found(pair)), *_words(some)))
    below = [pair for pair in negative if pair.true_q < (pair.row["cutoff"] or 0)]
    rows.append(("true Q below cut-off", _share(below, lambda pair: not _found(pair)), *_words(below)))
    for kind in NOT_SYNKINETIC:
        some = [pair for pair in negative if pair.kind == kind]
        title = f"decoy: {kind}" if kind in DECOYS else kind
        rows.append((title.replace("_", " "), _share(some, lambda pair: not _found(pair)), *_words(some)))
    other = [one for one in people if one.group != "synkinetic"]
    clean = sum(not any(map(_found, one.pairs)) for one in other)
    rows.append(("per patient (no pair present)", wilson(clean, len(other)), "", "", ""))
    return _table("Specificity", ("pairs of the other half", "not present", *WORDS[1:]), rows)


def _answers(pairs: list[Pair]) -> str:
    def is_(word: str) -> Callable[[Pair], bool]:
        return lambda pair: pair.verdict == word

    elsewhere = [pair for pair in pairs if pair.kind != "crosstalk"]
    rows = [
        ("indeterminate, all pairs", _share(pairs, is_("indeterminate"))),
        ("indeterminate, synkinetic half", _share([p for p in pairs if p.synkinetic], is_("indeterminate"))),
        ("indeterminate, other half", _share([p for p in pairs if not p.synkinetic], is_("indeterminate"))),
        ("refused, all pairs but those of the cross-talk decoy", _share(elsewhere, is_("refused"))),
        ("refused, cross-talk decoy", _share([p for p in pairs if p.kind == "crosstalk"], is_("refused"))),
    ]
    return _table("Without an answer", ("what", "share"), rows)


def _by_kind(people: list[Patient]) -> str:
    rows = []
    for kind in (*SYNKINETIC, *NOT_SYNKINETIC):
        chosen = [one for one in people if one.kind == kind]
        counts = [sum(pair.verdict == word for one in chosen for pair in one.pairs) for word in WORDS]
        rows.append((kind.replace("_", " "), len(chosen), *counts))
    return _table("Verdicts by kind of patient", ("kind", "patients", *WORDS), rows)


def _index(people: list[Patient]) -> str:
    """With the best that could be: what the same index of the true Q would give. Half of the weights are nought, and
    ties alone keep rho of the whole cohort below 0.935."""
    rows = []
    for title, some in (
        ("all", people),
        ("synkinetic half", [one for one in people if one.group == "synkinetic"]),
    ):
        true = [_true_index(one) for one in some]
        weights, indices = [one.weight for one in some], [one.index for one in some]
        for what, left, right in (
            ("index and weight", indices, weights),
            ("index of true Q and weight", true, weights),
            ("index and index of true Q", indices, true),
        ):
            rows.append((title, what, _rho(left, right)))
    head = ("patients", "of what", "Spearman's rho (interval: Bonett and Wright)")
    return _table("Index and mean misrouted weight of the declared pairs", head, rows)


def _true_index(one: Patient) -> float:
    return float(np.mean([log2(pair.true_q) for pair in one.pairs]))


def _rho(left: list[float], right: list[float]) -> str:
    known = [both for both in zip(left, right, strict=True) if all(map(isfinite, both))]
    if len(known) < 4:
        return f"- (n = {len(known)})"
    rho = float(stats.spearmanr(*zip(*known, strict=True)).statistic)
    half = np.array([-1.96, 1.96]) * sqrt((1 + rho**2 / 2) / (len(known) - 3))
    low, high = np.tanh(np.arctanh(np.clip(rho, -0.9999, 0.9999)) + half)
    return f"{rho:.3f} [{low:.3f}, {high:.3f}] (n = {len(known)} of {len(left)})"


def _coverage(pairs: list[Pair]) -> str:
    some = [
        pair
        for pair in pairs
        if pair.row["q_ci95"] is not None
        and not (pair.row["q_censored"] or pair.censored)
        and pair.verdict != "refused"
        and isfinite(pair.true_q)
    ]

    def inside(pair: Pair) -> bool:
        low, high = pair.row["q_ci95"]
        return bool(low <= pair.true_q <= high)

    off = [log2(pair.row["q"] / pair.true_q) for pair in some]
    rows = [(name, _share([p for p in some if name in (p.name, "all")], inside)) for name in (*_names(), "all")]
    bias = f"{np.mean(off):+.3f}, SD {np.std(off):.3f}" if some else "-"
    return _table("Interval of Q holds its truth", ("pair", "share"), [*rows, ("mean of log2 (Q / true Q)", bias)])


def _w13(people: list[Patient]) -> str:
    rows = []
    for muscle, (mean, sd, n) in W13.items():
        own = [
            pair.row["q"] / pair.row["normalised_q"]
            for one in people
            if one.kind in W13_KINDS
            for pair in one.pairs
            if pair.task == "close_eyes_tightly" and pair.slave == muscle and pair.row["normalised_q"]
        ]
        if len(own) < 3:
            rows.append((muscle.replace("_", " "), len(own), f"{mean} +- {sd}", "-", "-", "-"))
            continue
        smaller = asymmetry(np.array(own))[0]
        away = abs(smaller.mean() - mean) <= 2 * sqrt(sd**2 / n + smaller.var(ddof=1) / len(own))
        ratio = smaller.std(ddof=1) / sd
        ends = np.sqrt(stats.chi2.ppf([0.025, 0.975], len(own) - 1) / (len(own) - 1))
        rows.append(
            (
                muscle.replace("_", " "),
                len(own),
                f"{mean} +- {sd}",
                f"{smaller.mean():.1f} +- {smaller.std(ddof=1):.1f}",
                "yes" if away else "no",
                f"{ratio:.2f} in [{ends[0]:.2f}, {ends[1]:.2f}]: {'yes' if ends[0] <= ratio <= ends[1] else 'no'}",
            )
        )
    head = ("muscle in its own task", "n", "published, n = 154 (%)", "found (%)", "mean within 2 SE", "SD ratio")
    return _table("W13: smaller over larger side of healthy faces", head, rows)


def _retest(first: list[Patient], second: list[Patient]) -> str:
    later = {one.seed: one for one in second}
    both = [(one, later[one.seed]) for one in first if one.seed in later]

    def change(values: list[tuple[float, float]]) -> str:
        known = [pair for pair in values if all(map(isfinite, pair))]
        if len(known) < 3:
            return "-"
        mdc = minimal_detectable_change(*map(np.array, zip(*known, strict=True)))
        return f"{mdc:.2f} (n = {len(known)}), a factor of {2**mdc:.2f}"

    rows = [("index", change([(a.index, b.index) for a, b in both]))]
    for number, name in enumerate(_names()):
        values = [
            (log2(a.pairs[number].row["q"] or np.nan), log2(b.pairs[number].row["q"] or np.nan))
            for a, b in both
            if not (a.pairs[number].row["q_censored"] or b.pairs[number].row["q_censored"])
        ]
        rows.append((f"log2 Q, {name}, uncensored", change(values)))
    same = [p.verdict == q.verdict for a, b in both for p, q in zip(a.pairs, b.pairs, strict=True)]
    rows.append(("the same verdict at both visits", wilson(sum(same), len(same))))
    return _table("Two visits: minimal detectable change", ("of", "log2 units"), rows)
