"""Evoked spread: what a stimulated branch does to the muscles it does not supply (clinical reference 5.5)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from npr_daq.analysis import conditioning
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side, own_branch
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.rows import SpreadRow
from npr_daq.findings.series import Series
from npr_daq.findings.site import Site
from npr_daq.findings.table import TableView

Floats = NDArray[np.float64]
Sites = Mapping[tuple[Side, Branch], Site]

LATE_SEARCH_MS = 1.5
"""How far a single sweep's late peak may lie from the average's before it is another event."""
LATE_SD_MS = 1.0
LATE_SHARE = 0.6
LATE_LOW_PASS_HZ = 1500.0


def spread(sites: Sites, parameters: Parameters) -> TableView[SpreadRow]:
    """One row per stimulated branch (not the trunk, which supplies all) and muscle that it does not supply."""
    rows = []
    for site in sites.values():
        branch = site.site
        if branch is Branch.TRUNK or site.series.count < parameters.min_sweeps:
            continue
        late = _amplitudes(site.series, (parameters.late_start_ms, parameters.window_end_ms))
        for muscle in FACIAL_MUSCLES:
            row = site.series.row(muscle)
            if muscle in SUPPLIES[branch] or row is None:
                continue
            rows.append(_row(sites, site, muscle, row, float(site.early_mv[row]), float(late[row]), parameters))
    return TableView(SpreadRow, rows)


def _amplitudes(series: Series, window_ms: tuple[float, float]) -> Floats:
    """Mean leave-one-out amplitude per channel: noise alone averages to zero, a negative mean is reported as zero."""
    return np.asarray(np.maximum(np.mean(series.single_sweeps_mv(window_ms), axis=-1), 0.0))


def _row(
    sites: Sites, site: Site, muscle: Muscle, row: int, early_mv: float, late_mv: float, parameters: Parameters
) -> SpreadRow:
    own_mv = own_early_mv(sites, site.side, muscle)
    latency = late_response(site.series, row, parameters)
    return SpreadRow(
        side=str(site.side),
        stimulated=str(site.site),
        recorded=str(muscle),
        percent=None if own_mv is None else 100.0 * early_mv / own_mv,
        early_mv=early_mv,
        late_mv=late_mv,
        late_latency_ms=latency,
        lateral_spread=latency is not None,
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


def late_response(series: Series, row: int, parameters: Parameters) -> float | None:
    """Peak latency in ms of a late response that returns in most sweeps, or None.

    Present: a peak of the average that stands out by over 3 SD, found again within 1.5 ms in at least three fifths
    of the sweeps with a latency SD below 1 ms (clinical reference 5.5). Prominence, not height, is asked for, so
    that the tail of the direct response is not taken for one.
    """
    smooth = conditioning.low_pass(series.uv[row], rate_hz=series.rate_hz, corner_hz=LATE_LOW_PASS_HZ)
    stimulus = series.stimulus_sample[row]
    times = (np.arange(smooth.shape[-1])[None, :] - stimulus[:, None]) * 1e3 / series.rate_hz
    baseline = (times[0] >= -18.0) & (times[0] <= -1.0)
    noise = 1.4826 * np.median(np.abs(smooth[:, baseline] - np.median(smooth[:, baseline], axis=1, keepdims=True)))
    window = (times[0] >= parameters.late_start_ms) & (times[0] <= parameters.window_end_ms)
    if noise <= 0 or window.sum() < 8:
        return None
    segment, axis = -smooth[:, window], times[0][window]
    average = segment.mean(axis=0)
    peaks, found = find_peaks(average, prominence=3.0 * noise)
    if not peaks.size:
        return None
    centre = axis[peaks[int(np.argmax(found["prominences"]))]]
    latencies = []
    for sweep in segment:
        near = np.abs(axis - centre) <= LATE_SEARCH_MS
        singles, _ = find_peaks(sweep[near], prominence=3.0 * noise)
        if singles.size:
            latencies.append(axis[near][singles[int(np.argmax(sweep[near][singles]))]])
    if len(latencies) < LATE_SHARE * series.count or len(latencies) < 2:
        return None
    return float(np.mean(latencies)) if np.std(latencies, ddof=1) < LATE_SD_MS else None
