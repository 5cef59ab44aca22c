"""Affected against healthy, per branch and muscle, or the reason why that comparison is withheld."""

from collections.abc import Mapping, Sequence
from math import exp, isfinite

from npr_daq.analysis import symmetry as analysis
from npr_daq.anatomy import SUPPLIES, Branch, Muscle, Side
from npr_daq.errors import AnalysisError
from npr_daq.findings.gates import noise_limited
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


def _row(sites: Sites, affected: str, branch: Branch, muscle: Muscle) -> SymmetryRow:
    if affected == "none":
        bad, good = Side.LEFT, Side.RIGHT
    elif affected in (Side.LEFT, Side.RIGHT):
        bad, good = Side(affected), Side(affected).other
    else:
        why = "both sides are affected" if affected == "both" else "the affected side is not recorded"
        return _withheld(branch, muscle, f"{why}: there is no healthy side to compare with")
    pair = {side: _answer(sites, side, branch, muscle) for side in (bad, good)}
    reason = _reason(sites, pair, branch, muscle)
    if reason is not None:
        # Each of these reasons (no plateau, a failed gate, unlike pulses) would move the latency too.
        return _withheld(branch, muscle, reason)
    amplitudes = [answer.response.sweeps_mv for answer in pair.values() if answer and answer.response]
    try:
        found = analysis.ratio(*amplitudes)
    except AnalysisError as cause:
        return _withheld(branch, muscle, f"no ratio: {cause}", _difference(pair[bad], pair[good]))
    percent, loss = float(found.percent), float(found.loss_percent)
    low, high = (float(v) for v in found.ci95_percent)
    if not isfinite(percent):
        why = f"{NOISE_LIMITED}: single sweeps of one side are not above the noise"
        # Amplitudes of single sweeps alone are at fault here; a latency is that of the average and has its own gate.
        return _withheld(branch, muscle, why, _difference(pair[bad], pair[good]))
    low, high = _widened(low, high, [answer.response for answer in pair.values() if answer and answer.response])
    return SymmetryRow(
        branch=str(branch),
        muscle=str(muscle),
        percent=percent,
        ci95_percent=(low, high) if isfinite(low) and isfinite(high) else None,
        loss_percent=loss,
        latency_difference_ms=_difference(pair[bad], pair[good]),
        withheld=None,
    )


def _widened(low: float, high: float, sides: Sequence[Response]) -> tuple[float, float]:
    """The interval in percent with what noise may have moved its middle by, where single sweeps are under 26 dB.

    The mean of logarithms of K sweeps with an SD of s lies s^2 / 2 below the logarithm of their size, and the instants
    at which they are read wander with the same noise: s^2 of each such side is added on either end [proposal].
    """
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


def _difference(affected: Answer | None, healthy: Answer | None) -> float | None:
    if affected is None or healthy is None or affected.latency_ms is None or healthy.latency_ms is None:
        return None
    return affected.latency_ms - healthy.latency_ms


def _withheld(branch: Branch, muscle: Muscle, reason: str, difference_ms: float | None = None) -> SymmetryRow:
    return SymmetryRow(str(branch), str(muscle), None, None, None, difference_ms, reason)


def _words(muscle: Muscle) -> str:
    return str(muscle).replace("_", " ")
