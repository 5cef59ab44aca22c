"""Affected against healthy, per branch and muscle, or the reason why that comparison is withheld."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp, isfinite

from npr_daq.analysis import symmetry as analysis
from npr_daq.anatomy import SUPPLIES, Branch, Muscle, Side
from npr_daq.errors import AnalysisError
from npr_daq.findings.gates import noise_limited
from npr_daq.findings.phase import compared
from npr_daq.findings.response import Response
from npr_daq.findings.rows import NOISE_LIMITED, SymmetryRow
from npr_daq.findings.site import Answer, Site
from npr_daq.findings.table import TableView
from npr_daq.montage import Montage

Sites = Mapping[tuple[Side, Branch], Site]


def symmetry(sites: Sites, affected: str, montage: Montage) -> TableView[SymmetryRow]:
    """One row per branch and muscle that was recorded on at least one side of a stimulated branch.

    The ratio is affected over healthy; left over right where no side is affected (a healthy volunteer's asymmetry);
    withheld where both are, because there is no healthy side.
    """
    rows = []
    for branch in Branch:
        if not any((side, branch) in sites for side in Side):
            continue
        for muscle in SUPPLIES[branch]:
            if any(montage.has(side, muscle) for side in Side):
                rows.append(_row(sites, affected, branch, muscle))
    return TableView(SymmetryRow, rows)


def compared_sides(affected: str) -> tuple[Side, Side] | str:
    """Numerator and denominator of every ratio, or the reason why there is none."""
    if affected == "none":
        return Side.LEFT, Side.RIGHT
    if affected in (Side.LEFT, Side.RIGHT):
        return Side(affected), Side(affected).other
    why = "both sides are affected" if affected == "both" else "the affected side is not recorded"
    return f"{why}: there is no healthy side to compare with"


def _row(sites: Sites, affected: str, branch: Branch, muscle: Muscle) -> SymmetryRow:
    sides = compared_sides(affected)
    if isinstance(sides, str):
        return _withheld(branch, muscle, sides)
    pair = {side: _answer(sites, side, branch, muscle) for side in sides}
    reason = _reason(sites, pair, branch, muscle)
    if reason is not None:
        # Each of these reasons (no plateau, a failed gate, unlike pulses) would move the rest too.
        return _withheld(branch, muscle, reason)
    found = {side: (sites[side, branch], answer) for side, answer in pair.items() if answer}
    row = _amplitudes(branch, muscle, [answer.response for _, answer in found.values() if answer.response])
    # Amplitudes of single sweeps may be at fault; latency and area are those of the average and have their own gates.
    bad, good = (answer for _, answer in found.values())
    phase = compared(found)
    return replace(
        row,
        latency_difference_ms=_difference(bad, good),
        latency_withheld=_no_latency(found),
        area_percent=phase.area_percent,
        area_ci95_percent=phase.area_ci95_percent,
        duration_percent=phase.duration_percent,
        area_withheld=phase.area_withheld,
        preferred=phase.preferred if row.percent is not None or phase.area_percent is not None else None,
    )


def _amplitudes(branch: Branch, muscle: Muscle, sides: Sequence[Response]) -> SymmetryRow:
    """The row with the ratio of the peak-to-peak amplitudes alone."""
    try:
        one, other = sides
        found = analysis.ratio(one.sweeps_mv, other.sweeps_mv, set_aside=(one.set_aside, other.set_aside))
    except AnalysisError as cause:
        return SymmetryRow(str(branch), str(muscle), None, None, None, None, f"no ratio: {cause}")
    percent, (low, high) = float(found.percent), (float(v) for v in found.ci95_percent)
    if not isfinite(percent):
        why = f"{NOISE_LIMITED}: single sweeps of one side are not above the noise"
        return SymmetryRow(str(branch), str(muscle), None, None, None, None, why)
    low, high = _widened(low, high, sides)
    return SymmetryRow(
        branch=str(branch),
        muscle=str(muscle),
        percent=percent,
        ci95_percent=(low, high) if isfinite(low) and isfinite(high) else None,
        loss_percent=float(found.loss_percent),
        latency_difference_ms=None,
        withheld=None,
        asymmetry_index=float(found.signed_asymmetry),
    )


def _widened(low: float, high: float, sides: Sequence[Response]) -> tuple[float, float]:
    """The interval in percent with what noise may have moved its middle by, where single sweeps are under 26 dB.

    The mean of logarithms of K sweeps with an SD of s lies s^2 / 2 below the logarithm of their size, and the instants
    at which they are read wander with the same noise: s^2 of each such side is added on either end [proposal]. What the
    removal of the stimulus artefact may have left is the same in every sweep, so that their scatter does not show it:
    its SD joins theirs.
    """
    low, high = analysis.with_common_error(low, high, *(side.doubt_uv / 1e3 / side.peak_to_peak_mv for side in sides))
    bias = sum(2.0 * (side.sweep_noise_uv / 1e3 / side.peak_to_peak_mv) ** 2 for side in sides if noise_limited(side))
    return low * exp(-bias), high * exp(bias)


def _answer(sites: Sites, side: Side, branch: Branch, muscle: Muscle) -> Answer | None:
    site = sites.get((side, branch))
    return None if site is None else site.answer(muscle)


def _reason(sites: Sites, pair: Mapping[Side, Answer | None], branch: Branch, muscle: Muscle) -> str | None:
    """Why the two sides may not be compared; None when they may. The plainest reason comes first."""
    absent = [side for side, answer in pair.items() if answer is None]
    if absent:
        return "; ".join(_absent(sites, side, branch, muscle) for side in absent)
    found = [_unsettled(side, sites[side, branch], answer) for side, answer in pair.items() if answer]
    unsettled = [text for text in found if text]
    if unsettled:
        return "; ".join(unsettled)
    return _unlike(*(sites[side, branch] for side in pair))


def _absent(sites: Sites, side: Side, branch: Branch, muscle: Muscle) -> str:
    if (side, branch) in sites:
        return f"{side} side: {_words(muscle)} is not in the montage"
    return f"{side} side not measured"


def _unsettled(side: Side, site: Site, answer: Answer) -> str | None:
    if answer.response is None or (answer.verdict.failures and not answer.response.elicited):
        return f"{side} side: {answer.verdict.failures[0]}"
    parts = []
    if not answer.supramaximal.proved:
        parts.append(f"{side} side measured, not proved supramaximal: reached {site.series.tried_ma:.3g} mA")
    if answer.verdict.failures:
        parts.append(f"{side} side not acceptable: {', '.join(answer.verdict.failures)}")
    return "; ".join(parts) or None


def _unlike(one: Site, other: Site) -> str | None:
    """Pulse width, sampling rate (and with it the filter corners) must be equal on both sides (6.5)."""
    widths = [site.series.sweeps[-1].stimulus.width_us for site in (one, other)]
    if widths[0] != widths[1]:
        return f"pulse width differs: {one.side} {widths[0]:g} us, {other.side} {widths[1]:g} us"
    rates = [site.series.rate_hz for site in (one, other)]
    if rates[0] != rates[1]:
        return f"filters differ: {one.side} sampled at {rates[0]:g} Hz, {other.side} at {rates[1]:g} Hz"
    return None


def _difference(affected: Answer, healthy: Answer) -> float | None:
    if affected.latency_ms is None or healthy.latency_ms is None:
        return None
    return affected.latency_ms - healthy.latency_ms


def _no_latency(pair: Mapping[Side, tuple[Site, Answer]]) -> str | None:
    """Why there is no latency difference; None where there is one."""
    lacking = {side: answer.verdict.latency for side, (_, answer) in pair.items() if answer.latency_ms is None}
    return "; ".join(f"{side} side: {', '.join(why) or 'no onset'}" for side, why in lacking.items()) or None


def _withheld(branch: Branch, muscle: Muscle, reason: str) -> SymmetryRow:
    return SymmetryRow(
        str(branch), str(muscle), None, None, None, None, reason, latency_withheld=reason, area_withheld=reason
    )


def _words(muscle: Muscle) -> str:
    return str(muscle).replace("_", " ")
