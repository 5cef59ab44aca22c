"""Why no response is reported: none was there, or the recording could not have shown it."""

from math import isfinite

from npr_daq.findings.parameters import Parameters
from npr_daq.findings.response import Response, repeats
from npr_daq.findings.rows import NOT_ELICITED
from npr_daq.findings.series import Series

TECHNICAL = "technical: "
"""Beginning of a reason for which nothing can be said of the response, not even that there is none."""
POSITIVE_ONLY = f"{TECHNICAL}positive response only: electrodes reversed?"
DETECTION_PART = 0.10
"""Of the other side's response: a response that is smaller may hide without making "not elicited" untrue."""
USUAL_MV = 2.0
"""Stands for the other side where it has no response: the lower limit of normal (clinical reference 2.6)."""


def reason(series: Series, answer: Response, parameters: Parameters, *, other_mv: float | None, artefact: bool) -> str:
    """The failure of a channel in which no response repeats; begins with `NOT_ELICITED` only where none can hide.

    What can hide is the smallest response that would have been told: 5 SD of the average, three errors of the sweeps'
    mean, the hum; too much is a tenth of the other side's response.
    """
    by_mv = other_mv if other_mv is not None else USUAL_MV
    if "positive_only" in answer.flags and repeats(answer.sweeps_mv, parameters):
        if not artefact:
            return POSITIVE_ONLY
        if answer.peak_to_peak_mv > DETECTION_PART * by_mv:
            return f"{TECHNICAL}artefact reaches into the response"
    hum_mv = (answer.hum_uv or 0.0) / 1e3
    limit_mv = max(answer.noise_limit_mv, answer.scatter_limit_mv)
    below = f"a response below {max(limit_mv, hum_mv):.2g} mV could not be seen here"
    if not isfinite(limit_mv):
        return f"{TECHNICAL}no amplitude could be read sweep by sweep"
    if 100.0 * hum_mv >= parameters.hum_percent * by_mv:
        return f"{TECHNICAL}{below} (mains hum)"
    if limit_mv > DETECTION_PART * by_mv:
        if answer.scatter_limit_mv <= answer.noise_limit_mv:
            return f"{TECHNICAL}{below} (noise)"
        low, high = float(answer.sweeps_mv.min()), float(answer.sweeps_mv.max())
        return f"{TECHNICAL}the sweeps scatter from {low:.2g} to {high:.2g} mV: {below}"
    tried = f"{series.count} sweeps at {series.tried_ma:.3g} mA"
    return f"{NOT_ELICITED}: no repeating response above 5 SD in {tried}"
