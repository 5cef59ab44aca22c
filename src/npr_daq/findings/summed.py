"""Sum of the affected over sum of the healthy side, over all muscles of the trunk, of a branch, and of the branches."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, hypot, isfinite

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import symmetry as analysis
from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.errors import AnalysisError
from npr_daq.findings.gates import noise_limited
from npr_daq.findings.response import Response
from npr_daq.findings.rows import CONTRADICTION, NOT_ELICITED, OPERATORS_WORD, SymmetryRow
from npr_daq.findings.site import Answer, Site
from npr_daq.findings.symmetry import compared_sides
from npr_daq.findings.table import TableView

Floats = NDArray[np.float64]
Sites = Mapping[tuple[Side, Branch], Site]

ALL_BRANCHES = "branches"
"""The sum over every muscle at its own branch."""
LEAST_SHARE = 0.5
"""Of the muscles that were recorded: with fewer that can be compared there is no sum [proposal]."""


@dataclass(frozen=True, slots=True)
class SummedRow:
    """100 x sum A_a / sum A_h of peak-to-peak amplitudes over `muscles`; `withheld` says why there is none.

    `stimulated` is `trunk`, a branch of several muscles, or `branches`: every muscle at its own branch. A muscle whose
    affected side was looked for and gave no response counts as zero and is named in `silent`; one that cannot be
    compared is left out of both sums and named in `left_out`.
    """

    stimulated: str
    muscles: tuple[str, ...]
    silent: tuple[str, ...]
    left_out: tuple[str, ...]
    percent: float | None
    ci95_percent: tuple[float, float] | None
    loss_percent: float | None
    asymmetry_index: float | None
    withheld: str | None


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One muscle that both sides can be compared in; `silent` is the affected side's answer where it gave none."""

    branch: Branch
    muscle: Muscle
    affected: Answer
    healthy: Answer
    silent: bool


def summed(sites: Sites, symmetry: Iterable[SymmetryRow], affected: str) -> TableView[SummedRow]:
    """One row for the trunk, each branch of several muscles, and all branches, where they were stimulated.

    `symmetry` are the rows of the comparison muscle by muscle: a muscle that is withheld there has no part in a sum,
    unless it is silent. Left over right where no side is affected; withheld where both are.
    """
    reasons = {(Branch(row.branch), Muscle(row.muscle)): row.withheld for row in symmetry}
    rows = []
    for branch in Branch:
        keys = [key for key in reasons if key[0] is branch]
        if len(keys) > 1:
            rows.append(_row(str(branch), sites, affected, keys, reasons))
    own = [key for key in reasons if key[0] is not Branch.TRUNK]
    if len({branch for branch, _ in own}) > 1:
        rows.append(_row(ALL_BRANCHES, sites, affected, own, reasons))
    return TableView(SummedRow, rows)


def _row(
    name: str,
    sites: Sites,
    affected: str,
    keys: Sequence[tuple[Branch, Muscle]],
    reasons: Mapping[tuple[Branch, Muscle], str | None],
) -> SummedRow:
    sides = compared_sides(affected)
    if isinstance(sides, str):
        return _withheld(name, tuple(str(muscle) for _, muscle in keys), sides)
    parts = [part for key in keys if (part := _part(sites, sides, key, reasons[key]))]
    found = {(part.branch, part.muscle) for part in parts}
    left_out = tuple(str(key[1]) for key in keys if key not in found)
    if len(parts) < 2 or len(parts) < LEAST_SHARE * len(keys):
        return _withheld(name, left_out, f"{len(parts)} of {len(keys)} muscles can be compared: too few for a sum")
    sounding = [part for part in parts if not part.silent]
    silent = tuple(str(part.muscle) for part in parts if part.silent)
    muscles = tuple(str(part.muscle) for part in parts)
    if not sounding:
        return SummedRow(name, muscles, silent, left_out, None, None, None, None, f"{NOT_ELICITED} in any muscle")
    return _compared(name, muscles, silent, left_out, parts, sounding)


def _compared(
    name: str,
    muscles: tuple[str, ...],
    silent: tuple[str, ...],
    left_out: tuple[str, ...],
    parts: Sequence[_Part],
    sounding: Sequence[_Part],
) -> SummedRow:
    healthy = [_response(part.healthy) for part in parts]
    affected = [_response(part.affected) for part in sounding]
    try:
        ratio = analysis.summed(
            _by_site([part.branch for part in sounding], affected), _by_site([part.branch for part in parts], healthy)
        )
    except AnalysisError as cause:
        return SummedRow(name, muscles, silent, left_out, None, None, None, None, f"no sum: {cause}")
    percent, (low, high) = float(ratio.percent), (float(v) for v in ratio.ci95_percent)
    if not isfinite(percent):
        why = "single sweeps of one side are not above the noise"
        return SummedRow(name, muscles, silent, left_out, None, None, None, None, why)
    low, high = analysis.with_common_error(low, high, _doubt(affected), _doubt(healthy))
    bias = _bias(affected) + _bias(healthy)
    # What a silent muscle may hide raises the upper end alone.
    hidden = sum(_hidden_mv(_response(part.affected)) for part in parts if part.silent)
    high = high * exp(bias) + 100.0 * hidden / sum(response.peak_to_peak_mv for response in healthy)
    return SummedRow(
        stimulated=name,
        muscles=muscles,
        silent=silent,
        left_out=left_out,
        percent=percent,
        ci95_percent=(low * exp(-bias), high) if isfinite(low) and isfinite(high) else None,
        loss_percent=float(ratio.loss_percent),
        asymmetry_index=float(ratio.signed_asymmetry),
        withheld=None,
    )


def _part(sites: Sites, sides: tuple[Side, Side], key: tuple[Branch, Muscle], reason: str | None) -> _Part | None:
    """The muscle as part of a sum, or None where it cannot be compared."""
    branch, muscle = key
    pair = [site.answer(muscle) if (site := sites.get((side, branch))) else None for side in sides]
    affected, healthy = pair
    if affected is None or healthy is None or affected.response is None or healthy.response is None:
        return None
    if reason is None:
        return _Part(branch, muscle, affected, healthy, silent=False)
    sound = healthy.accepted and healthy.supramaximal.proved and healthy.response.elicited
    return _Part(branch, muscle, affected, healthy, silent=True) if sound and _is_silent(affected) else None


def _is_silent(answer: Answer) -> bool:
    """Whether the muscle was looked for and gave nothing, by the sweeps and not by the operator's word alone."""
    failures = answer.verdict.failures
    if not failures or not all(text.startswith(NOT_ELICITED) for text in failures):
        return False
    return not any(text.startswith((OPERATORS_WORD, CONTRADICTION)) for text in failures)


def _response(answer: Answer) -> Response:
    if answer.response is None:
        raise AnalysisError("There is no response.")
    return answer.response


def _by_site(branches: Sequence[Branch], responses: Sequence[Response]) -> list[Floats]:
    """Amplitudes (muscle, sweep) of each site; a sweep that a muscle set aside counts for none of that site."""
    tables = []
    for branch in dict.fromkeys(branches):
        here = [response for one, response in zip(branches, responses, strict=True) if one is branch]
        table = np.full((len(here), here[0].kept.size), np.nan)
        for row, response in enumerate(here):
            table[row, response.kept] = response.sweeps_mv
        common = np.isfinite(table).all(axis=0)
        # Where the muscles have hardly a sweep in common each keeps its own, as if they were different sites.
        if common.sum() >= 2:
            tables.append(np.where(common, table, np.nan))
        else:
            tables += [row[None] for row in table]
    return tables


def _doubt(responses: Sequence[Response]) -> float:
    """SD over the sum of what the removal of the artefact may have left; each channel has its own artefact."""
    return hypot(*(side.doubt_uv / 1e3 for side in responses)) / sum(side.peak_to_peak_mv for side in responses)


def _bias(responses: Sequence[Response]) -> float:
    """What noise may have moved the logarithm of a sum by, where a single sweep of a muscle is under 26 dB."""
    if not any(noise_limited(response) for response in responses):
        return 0.0
    noise_mv2 = sum((response.sweep_noise_uv / 1e3) ** 2 for response in responses)
    return float(2.0 * noise_mv2 / sum(response.peak_to_peak_mv for response in responses) ** 2)


def _hidden_mv(response: Response) -> float:
    """Peak to peak of what could have been there without being seen."""
    limits = (response.noise_limit_mv, response.scatter_limit_mv)
    return max(limit for limit in limits if isfinite(limit))


def _withheld(name: str, left_out: tuple[str, ...], reason: str) -> SummedRow:
    return SummedRow(name, (), (), left_out, None, None, None, None, reason)
