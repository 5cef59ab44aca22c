"""Evoked spread: what a stimulated branch does to the muscles it does not supply (clinical reference 5.5)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.lateral_spread import LateralSpread, Verdict
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side, own_branch
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.placed import finite, judged
from npr_daq.findings.rows import SpreadRow
from npr_daq.findings.series import Series
from npr_daq.findings.site import Site
from npr_daq.findings.table import TableView

Floats = NDArray[np.float64]
Sites = Mapping[tuple[Side, Branch], Site]


def verdicts(sites: Sites, parameters: Parameters) -> dict[tuple[Side, Branch], LateralSpread | None]:
    """What the late window of every channel shows, for each branch below the trunk that has sweeps enough."""
    return {
        key: judged(site.series, parameters)
        for key, site in sites.items()
        if site.site is not Branch.TRUNK and site.series.count >= parameters.min_sweeps
    }


def spread(
    sites: Sites, late_verdicts: Mapping[tuple[Side, Branch], LateralSpread | None], parameters: Parameters
) -> TableView[SpreadRow]:
    """One row per stimulated branch (not the trunk, which supplies all) and muscle that it does not supply.

    A late response stands where `analysis.lateral_spread` finds it present, so that a copy of the stimulated muscles, a
    slow return or an F wave is none; None where the sweeps cannot tell.
    """
    rows = []
    for site in sites.values():
        branch = site.site
        if branch is Branch.TRUNK or site.series.count < parameters.min_sweeps:
            continue
        late = _amplitudes(site.series, (parameters.late_start_ms, parameters.window_end_ms))
        found = late_verdicts.get((site.side, branch))
        for muscle in FACIAL_MUSCLES:
            row = site.series.row(muscle)
            if muscle in SUPPLIES[branch] or row is None:
                continue
            rows.append(_row(sites, site, muscle, (float(site.early_mv[row]), float(late[row])), found))
    return TableView(SpreadRow, rows)


def _amplitudes(series: Series, window_ms: tuple[float, float]) -> Floats:
    """Mean leave-one-out amplitude per channel: noise alone averages to zero, a negative mean is reported as zero."""
    return np.asarray(np.maximum(np.mean(series.single_sweeps_mv(window_ms), axis=-1), 0.0))


def _row(
    sites: Sites, site: Site, muscle: Muscle, sizes_mv: tuple[float, float], found: LateralSpread | None
) -> SpreadRow:
    own_mv = own_early_mv(sites, site.side, muscle)
    row = site.series.row(muscle)
    verdict = None if found is None or row is None else str(found.verdict[row])
    latency = None if found is None or row is None else finite(float(found.latency_mean_ms[row]))
    present = verdict == Verdict.PRESENT
    return SpreadRow(
        side=str(site.side),
        stimulated=str(site.site),
        recorded=str(muscle),
        percent=None if own_mv is None else 100.0 * sizes_mv[0] / own_mv,
        early_mv=sizes_mv[0],
        late_mv=sizes_mv[1],
        late_latency_ms=latency if present else None,
        lateral_spread=present if verdict in (Verdict.PRESENT, Verdict.ABSENT) else None,
    )


def own_early_mv(sites: Sites, side: Side, muscle: Muscle) -> float | None:
    """The muscle's acceptable response at its own branch, or else at the trunk, in the same early window as the spread.

    None where there is neither. A response over two windows would divide part of one by the whole of the other.
    """
    for branch in (own_branch(muscle), Branch.TRUNK):
        site = sites.get((side, branch)) if branch is not None else None
        answer = site.answer(muscle) if site is not None else None
        if site is not None and answer is not None and answer.response is not None and answer.accepted:
            early = float(site.early_mv[answer.row])
            return early if early > 0 else None
    return None
