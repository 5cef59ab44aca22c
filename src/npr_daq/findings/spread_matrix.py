"""The evoked spread matrix: every muscle at every branch, early and late, and affected minus healthy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import spread_matrix as analysis
from npr_daq.analysis.lateral_spread import LateralSpread, Verdict
from npr_daq.analysis.spread_matrix import CurrentSpread, SpreadMatrix, Terms
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side, own_branch
from npr_daq.errors import AnalysisError
from npr_daq.findings.current_spread import current_spread
from npr_daq.findings.late_rows import TOO_FEW, SpreadMatrixRow
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.placed import finite, movers, placed
from npr_daq.findings.site import Site
from npr_daq.findings.symmetry import compared_sides
from npr_daq.findings.table import TableView
from npr_daq.recording import Recording

Floats = NDArray[np.float64]
Sites = Mapping[tuple[Side, Branch], Site]
Verdicts = Mapping[tuple[Side, Branch], LateralSpread | None]

EARLY, LATE, DIFFERENCE = "early", "late", "difference"
ANSWERS, VOLUME, CURRENT, NOTHING = "answers", "volume conduction", "current spread", "nothing"
NO_DIFFERENCE = "no difference"
STANDS = (ANSWERS, CURRENT, str(Verdict.PRESENT))
"""Words of a cell whose excess over the other side may be told: a response, whatever its cause."""
WEAK_PART = 0.3
"""Own response over that of the other side below which percent of it overstates spread, as in the report [proposal]."""


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """The matrix of one side and what limits its cells: `why` by branch, `own_why` by muscle, None where usable."""

    side: Side
    found: SpreadMatrix
    why: Mapping[Branch, str | None]
    own_why: Mapping[Muscle, str | None]
    late: Mapping[tuple[Branch, Muscle], str]
    growth: Mapping[Branch, CurrentSpread | None]


def spread_matrix(
    recording: Recording, sites: Sites, late_verdicts: Verdicts, parameters: Parameters
) -> TableView[SpreadMatrixRow]:
    """The cells of both sides, then those of the difference; empty where no branch below the trunk was stimulated.

    `late_verdicts` are those of `spread.verdicts`.
    Muscles that only one side has electrodes for are left out. A cell without enough data says why in `reasons`.
    """
    muscles = tuple(m for m in FACIAL_MUSCLES if all(recording.montage.has(side, m) for side in Side))
    branches = tuple(
        b
        for b in Branch
        if b is not Branch.TRUNK and any((side, b) in sites for side in Side) and set(SUPPLIES[b]) & set(muscles)
    )
    if not branches:
        return TableView(SpreadMatrixRow)
    supplied = np.array([[m in SUPPLIES[b] for m in muscles] for b in branches])
    halves: dict[Side, _Half] = {}
    rows: list[SpreadMatrixRow] = []
    for side in Side:
        half = _half(recording, sites, late_verdicts, side, branches, muscles, supplied, parameters)
        if half is not None:
            halves[side] = half
            rows += _cells(half, branches, muscles, supplied)
    words = {(row.side, row.window, row.stimulated, row.recorded): row.verdict for row in rows}
    rows += _differences(halves, words, str(recording.header.get("affected")), branches, muscles, supplied)
    return TableView(SpreadMatrixRow, rows)


def _half(
    recording: Recording,
    sites: Sites,
    late_verdicts: Verdicts,
    side: Side,
    branches: Sequence[Branch],
    muscles: Sequence[Muscle],
    supplied: NDArray[np.bool_],
    parameters: Parameters,
) -> _Half | None:
    """One side measured; None where none of its branches has sweeps that can be used."""
    why = {b: _unusable(sites.get((side, b)), parameters) for b in branches}
    usable = {b: sites[side, b] for b in branches if why[b] is None}
    rates = {site.series.rate_hz for site in usable.values()}
    if len(rates) != 1:
        return None
    rate_hz = rates.pop()
    columns = {b: [int(site.series.row(m) or 0) for m in muscles] for b, site in usable.items()}
    sweeps = {b: placed(site.series, until_ms=parameters.window_end_ms) for b, site in usable.items()}
    before = min(column for _, column in sweeps.values())
    after = min(uv.shape[-1] - column for uv, column in sweeps.values())
    data = np.full((len(branches), max(len(uv) for uv, _ in sweeps.values()), len(muscles), before + after), np.nan)
    for index, branch in enumerate(branches):
        if branch in sweeps:
            uv, column = sweeps[branch]
            data[index, : len(uv)] = uv[:, columns[branch], column - before : column + after]
    try:
        found = analysis.measure(
            data,
            supplied=supplied,
            rate_hz=rate_hz,
            stimulus_sample=float(before),
            early_ms=(parameters.window_start_ms, parameters.early_end_ms),
            late_ms=(parameters.late_start_ms, parameters.window_end_ms),
        )
    except AnalysisError:
        return None
    late, growth = {}, {}
    for branch, site in usable.items():
        verdicts = late_verdicts.get((side, branch))
        for muscle, row in zip(muscles, columns[branch], strict=True):
            late[branch, muscle] = TOO_FEW if verdicts is None else str(verdicts.verdict[row])
        own = movers(site.series)
        target = own[int(np.argmax(np.nan_to_num(site.early_mv[own])))]
        growth[branch] = current_spread(recording, site.series, target, parameters, rows=columns[branch])
    return _Half(side, found, why, {m: _unknown(sites, side, m) for m in muscles}, late, growth)


def _unusable(site: Site | None, parameters: Parameters) -> str | None:
    """Why a site has no cells, None where it has."""
    if site is None:
        return "this branch was not stimulated"
    if site.word is not None:
        return f"no response by the operator's word ({site.word})"
    if site.foreign is not None:
        return site.foreign
    if site.series.count < parameters.min_sweeps:
        return f"{site.series.count} usable sweeps of at least {parameters.min_sweeps}"
    return None


def _unknown(sites: Sites, side: Side, muscle: Muscle) -> str | None:
    """Why the response of a muscle to its own branch cannot be what spread is a percentage of; None where it can."""
    branch = own_branch(muscle)
    site = None if branch is None else sites.get((side, branch))
    answer = None if site is None else site.answer(muscle)
    if site is None or answer is None:
        return "the muscle's own branch was not stimulated"
    if answer.response is None or not answer.accepted:
        reasons = "; ".join(answer.verdict.failures) or "no sweeps"
        return f"the muscle's response to its own branch is not acceptable: {reasons}"
    return None


def _cells(
    half: _Half, branches: Sequence[Branch], muscles: Sequence[Muscle], supplied: NDArray[np.bool_]
) -> list[SpreadMatrixRow]:
    rows = []
    for window, terms in ((EARLY, half.found.early), (LATE, half.found.late)):
        for (b, branch), (m, muscle) in _pairs(branches, muscles):
            plain = SpreadMatrixRow(
                side=str(half.side),
                stimulated=str(branch),
                recorded=str(muscle),
                window=window,
                own=bool(supplied[b, m]),
            )
            rows.append(_cell(plain, half, terms, (b, branch), (m, muscle)))
    return rows


def _pairs(
    branches: Sequence[Branch], muscles: Sequence[Muscle]
) -> list[tuple[tuple[int, Branch], tuple[int, Muscle]]]:
    return [(branch, muscle) for branch in enumerate(branches) for muscle in enumerate(muscles)]


def _cell(
    plain: SpreadMatrixRow, half: _Half, terms: Terms, stimulated: tuple[int, Branch], recorded: tuple[int, Muscle]
) -> SpreadMatrixRow:
    (b, branch), (m, muscle) = stimulated, recorded
    why = half.why[branch]
    if why is not None:
        return replace(plain, reasons=(why,))
    lacking = half.own_why[muscle]
    known = lacking is None
    plain = replace(
        plain,
        as_recorded_mv=finite(terms.as_recorded_mv[b, m]),
        percent=finite(terms.percent[b, m]) if known else None,
        ci95_percent=_ends(terms.ci95_percent[b, m]) if known else None,
        copied_percent=None if plain.own else finite(100.0 * terms.copied[b, m]),
        remainder_percent=finite(terms.remainder_percent[b, m]) if known and not plain.own else None,
        remainder_ci95_percent=_ends(terms.remainder_ci95_percent[b, m]) if known and not plain.own else None,
        reasons=() if lacking is None else (lacking,),
    )
    if plain.own:
        return replace(plain, verdict=str(Verdict.OWN_BRANCH))
    if plain.window == LATE:
        return replace(plain, verdict=half.late[branch, muscle])
    return _early(plain, half.growth[branch], m)


def _early(plain: SpreadMatrixRow, growth: CurrentSpread | None, m: int) -> SpreadMatrixRow:
    """An early cell with what still grows beyond the plateau, and its word."""
    if growth is not None and np.isfinite(growth.growth_mv_per_ma[m]):
        plain = replace(
            plain,
            growth_mv_per_ma=float(growth.growth_mv_per_ma[m]),
            growth_ci95_mv_per_ma=_ends(growth.growth_ci95_mv_per_ma[m]),
        )
    else:
        few = "too few currents beyond the plateau to tell current spread"
        plain = replace(plain, reasons=(*plain.reasons, few))
    return replace(plain, verdict=_word(plain, grows=growth is not None and bool(growth.grows[m])))


def _word(row: SpreadMatrixRow, *, grows: bool) -> str:
    if row.ci95_percent is None or row.remainder_ci95_percent is None:
        return CURRENT if grows else ""
    if row.ci95_percent[0] <= 0:
        return NOTHING
    if grows:
        return CURRENT
    return ANSWERS if row.remainder_ci95_percent[0] > 0 else VOLUME


def _differences(
    halves: Mapping[Side, _Half],
    words: Mapping[tuple[str, str, str, str], str],
    affected: str,
    branches: Sequence[Branch],
    muscles: Sequence[Muscle],
    supplied: NDArray[np.bool_],
) -> list[SpreadMatrixRow]:
    """Affected minus healthy of what is left after volume conduction; left minus right where no side is affected.

    `words` are the verdicts of the cells by side, window, branch and muscle: the larger cell has to stand itself.
    """
    sides = compared_sides(affected)
    plain = [
        SpreadMatrixRow(side=DIFFERENCE, stimulated=str(branch), recorded=str(muscle), window=window, own=False)
        for window in (EARLY, LATE)
        for (b, branch), (m, muscle) in _pairs(branches, muscles)
        if not supplied[b, m]
    ]
    if isinstance(sides, str):
        return [replace(row, reasons=(sides,)) for row in plain]
    missing = next((side for side in sides if side not in halves), None)
    if missing is not None:
        return [replace(row, reasons=(f"the {missing} side has no cells",)) for row in plain]
    first, second = (halves[side] for side in sides)
    found = analysis.compare(first.found, second.found)
    values = {EARLY: (found.early_points, found.early_ci95_points), LATE: (found.late_points, found.late_ci95_points)}
    rows = []
    for row in plain:
        branch, muscle = Branch(row.stimulated), Muscle(row.recorded)
        b, m = branches.index(branch), muscles.index(muscle)
        why = [
            f"{half.side} side: {reason}"
            for half in (first, second)
            for reason in (half.why[branch], half.own_why[muscle])
            if reason is not None
        ]
        points, ends = finite(values[row.window][0][b, m]), _ends(values[row.window][1][b, m])
        if why or points is None or ends is None:
            rows.append(replace(row, reasons=tuple(why) or ("no interval on one of the sides",)))
            continue
        said = _cautions(first, second, m)
        if row.window == EARLY:
            said += [f"current spread on the {half.side} side" for half in (first, second) if _grows(half, branch, m)]
        verdict = NO_DIFFERENCE
        if ends[0] > 0 or ends[1] < 0:
            higher = first if ends[0] > 0 else second
            verdict = f"more on the {higher.side} side"
            word = words[str(higher.side), row.window, row.stimulated, row.recorded]
            if word not in STANDS:
                # Late, that is an F wave, a tail or a slow return; early, a copy of another muscle, or its removal.
                verdict = word
                said.append(f"the {row.window} response of the {higher.side} side: {word}")
        rows.append(
            replace(row, remainder_percent=points, remainder_ci95_percent=ends, verdict=verdict, reasons=tuple(said))
        )
    return rows


def _grows(half: _Half, branch: Branch, m: int) -> bool:
    growth = half.growth.get(branch)
    return growth is not None and bool(growth.grows[m])


def _cautions(first: _Half, second: _Half, m: int) -> list[str]:
    own, other = float(first.found.own_mv[m]), float(second.found.own_mv[m])
    if own >= WEAK_PART * other:
        return []
    return [f"the muscle's own response is {100 * own / other:.0f} % of the other side's: percent of it overstates"]


def _ends(pair: Floats) -> tuple[float, float] | None:
    return (float(pair[0]), float(pair[1])) if np.isfinite(pair).all() else None
