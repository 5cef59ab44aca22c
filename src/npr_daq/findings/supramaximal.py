"""Was the stimulus supramaximal for this muscle: the search's evidence, checked once more on the raw sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import evoked, recruitment
from npr_daq.errors import AnalysisError
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.response import Response
from npr_daq.findings.rows import Supramaximal
from npr_daq.findings.series import Series, filtered, shocks_of
from npr_daq.findings.table import plain
from npr_daq.recording import Recording, Role, Sweep

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The recruitment curve of one site: currents (current,) in mA, amplitudes (channel, current) peak to peak in mV.

    Every current that was delivered as requested is there once, the mean of its shocks, in ascending order.
    """

    current_ma: Floats
    peak_to_peak_mv: Floats


def curve(
    recording: Recording, series: Series, parameters: Parameters, *, answered: tuple[Response, ...] = ()
) -> Curve:
    """Amplitude against current over every trusted shock of the step, search and accepted series together.

    Sweeps that a muscle's answer in `answered` (by channel) set aside are not on its curve.
    """
    shocks = tuple(
        s
        for s in recording.sweeps
        if s.step == series.step
        and s.role is not Role.REJECTED
        and s.valid
        and s.rate_hz == series.rate_hz
        and s.report.trusted(s.stimulus.current_ma)
    )
    if not shocks:
        return Curve(np.empty(0), np.empty((len(series.channels), 0)))
    amplitudes = _amplitudes(recording, series, shocks, parameters)
    place = {sweep.n: column for column, sweep in enumerate(series.sweeps)}
    for row, answer in enumerate(answered):
        aside = [i for i, s in enumerate(shocks) if s.n in place and not answer.kept[place[s.n]]]
        amplitudes[row, aside] = np.nan
    currents = np.array([s.stimulus.current_ma for s in shocks])
    steps = np.unique(np.round(currents, 3))
    means = [np.nanmean(amplitudes[:, np.isclose(currents, step, atol=1e-3)], axis=1) for step in steps]
    return Curve(steps, np.stack(means, axis=1))


def _amplitudes(recording: Recording, series: Series, shocks: tuple[Sweep, ...], parameters: Parameters) -> Floats:
    """Peak to peak of single shocks without their artefact, (channel, shock) in mV."""
    place = {sweep.n: column for column, sweep in enumerate(series.sweeps)}
    found = np.zeros((len(series.channels), len(shocks)))
    accepted = np.array([s.n in place for s in shocks])
    if accepted.any():
        columns = [place[s.n] for s in shocks if s.n in place]
        found[:, accepted] = _sizes(series.uv[:, columns], series.stimulus_sample[:, columns], series, parameters)
    if not accepted.all():
        given = shocks_of(recording, tuple(s for s in shocks if s.n not in place), series.channels)
        uv, how = given.uv, series.cleaner
        if how is not None:
            # Another width has another artefact.
            alike = np.array([s.stimulus.width_us == how.width_us for s in shocks if s.n not in place])
            uv[:, alike] = how.clean(given.only(alike)).uv
        found[:, ~accepted] = _sizes(filtered(uv, series.rate_hz, parameters), given.stimulus, series, parameters)
    return found


def _sizes(uv: Floats, stimulus: Floats, series: Series, parameters: Parameters) -> Floats:
    measured = evoked.measure(uv, rate_hz=series.rate_hz, stimulus_sample=stimulus, window_ms=parameters.window_ms)
    # Where nothing is there the largest excursion of noise is no amplitude.
    return np.where(measured.present, np.nan_to_num(measured.peak_to_peak_mv), 0.0)


def supramaximal(
    recording: Recording,
    series: Series,
    row: int,
    found: Curve,
    response: Response | None,
    parameters: Parameters,
) -> Supramaximal:
    """The verdict for one channel: what the search proved, unless the raw sweeps plainly contradict it.

    Where the search kept no evidence of this muscle the recruitment curve decides alone (clinical reference 2.4).
    Either proves a plateau; the accepted sweeps have to lie on it, in current and in size.
    """
    muscle = str(series.channels[row].muscle)
    search = recording.searches.get(series.step, {})
    own: Mapping[str, Any] = search.get("muscles", {}).get(muscle, {})
    noise_mv = 0.0 if response is None else response.sweep_noise_uv / 1e3
    check = _check(found.current_ma, found.peak_to_peak_mv[row], np.sqrt(2.0) * noise_mv)
    evidence: dict[str, Any] = {
        "source": "search" if "proved" in own else "recruitment curve",
        "reason": _reason(own, search),
        "highest_ma": float(found.current_ma[-1]) if found.current_ma.size else None,
        "search": dict(own) or None,
        "recruitment": check,
    }
    proved = bool(own["proved"]) if "proved" in own else bool(check and check["supramaximal"])
    growth = last_growth(check)
    limit = CONTRADICTION * parameters.growth_percent
    if search.get("operator") is not None:
        proved = False
        evidence["reason"] = f"no response by the operator's word ({search['operator']})"
    if proved and "proved" in own and growth is not None and growth > limit:
        proved = False
        evidence["contradiction"] = f"the sweeps still grow by {growth:.1f} % at the highest current"
    if proved and response is not None:
        off = _off_the_plateau(series, found, row, response, own.get("plateau_ma") or (check or {}), parameters)
        if off is not None:
            proved = False
            evidence["contradiction"] = off
    return Supramaximal(proved=proved, evidence=plain(evidence))


CONTRADICTION = 3.0
"""Growth at the top, in units of the limit, from which the raw sweeps overrule the search.

Above what noise may hide (10 %, decision 0002), so it holds for weak responses too.
"""


CURRENT_SLACK = 0.01
"""Currents that differ by less are the same (as in the accepted series)."""
TOP_NOISE_SD = 6.0
"""A single shock's maximum minus minimum reads high by noise: that many SD of it are no difference."""


def _off_the_plateau(
    series: Series,
    found: Curve,
    row: int,
    response: Response,
    plateau: Sequence[float] | Mapping[str, Any],
    parameters: Parameters,
) -> str | None:
    """Why the accepted sweeps are not on the plateau that was proved; None where they are."""
    currents = plateau.get("top_currents_ma", ()) if isinstance(plateau, Mapping) else plateau
    accepted_ma = float(np.median([s.stimulus.current_ma for s in series.sweeps]))
    if len(currents) and accepted_ma < (1.0 - CURRENT_SLACK) * min(currents):
        return f"accepted at {accepted_ma:.3g} mA, below the plateau, which begins at {min(currents):.3g} mA"
    top_mv = float(np.nanmax(found.peak_to_peak_mv[row]))
    mean_mv = float(np.nanmean(response.sweeps_mv))
    allowed_mv = max(parameters.growth_percent / 100.0 * top_mv, TOP_NOISE_SD * response.sweep_noise_uv / 1e3)
    if mean_mv < top_mv - allowed_mv:
        return f"the accepted sweeps have {mean_mv:.3g} mV, the top of the curve {top_mv:.3g} mV"
    return None


def _reason(own: Mapping[str, Any], search: Mapping[str, Any]) -> str | None:
    """Why the search ended, where that says what is known of this muscle as well; else the muscle's own reason."""
    mine, ended = own.get("reason"), search.get("reason")
    return ended if mine is None or mine in str(ended) else mine


def last_growth(check: Mapping[str, Any] | None) -> float | None:
    """Growth in percent from the last but one to the highest current, or None where it is not known."""
    growth = check["growth_percent"] if check else None
    return growth[-1] if growth else None


def _check(currents_ma: Floats, amplitudes_mv: Floats, noise_mv: float) -> dict[str, Any] | None:
    """The recruitment curve's own verdict with its fit, JSON-safe; None where there is nothing to fit."""
    if not currents_ma.size:
        return None
    try:
        found = recruitment.fit(currents_ma, amplitudes_mv, noise_mv=noise_mv)
    except AnalysisError as cause:
        return {"supramaximal": False, "reason": str(cause), "growth_percent": []}
    kept: dict[str, Any] = plain(
        {
            "supramaximal": found.supramaximal,
            "threshold_ma": found.threshold_ma,
            "i50_ma": found.i50_ma,
            "plateau_mv": found.plateau_mv,
            **found.evidence,
        }
    )
    return kept
