"""Area and duration of the negative phase, affected against healthy, and when the area is the better measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from npr_daq.analysis import phase_area
from npr_daq.analysis import symmetry as analysis
from npr_daq.anatomy import Side
from npr_daq.errors import AnalysisError
from npr_daq.findings.response import Response
from npr_daq.findings.site import Answer, Site

PREFER_AREA_PERCENT = 15.0
"""Difference of the negative durations from which the area says more than the amplitude (clinical reference 2.3)."""
AREA, AMPLITUDE = "area", "amplitude"


@dataclass(frozen=True, slots=True)
class Phase:
    """Ratios of area and duration in percent, or the reason why there are none."""

    area_percent: float | None = None
    area_ci95_percent: tuple[float, float] | None = None
    duration_percent: float | None = None
    area_withheld: str | None = None

    @property
    def preferred(self) -> str:
        """Which ratio to read: amplitudes shrink by dispersion alone, areas much less [proposal]."""
        apart = self.duration_percent is not None and abs(self.duration_percent - 100.0) > PREFER_AREA_PERCENT
        return AREA if apart and self.area_percent is not None else AMPLITUDE


def compared(pair: Mapping[Side, tuple[Site, Answer]]) -> Phase:
    """The first side's negative phase over the second's; both must have passed the gates of their amplitude."""
    reasons = [text for side, (_, answer) in pair.items() if (text := _unbounded(side, answer))]
    if reasons:
        return Phase(area_withheld="; ".join(reasons))
    (one_site, one), (other_site, other) = pair.values()
    try:
        found = analysis.ratio(_areas(one_site, one), _areas(other_site, other))
    except AnalysisError as cause:
        return Phase(area_withheld=str(cause))
    percent, (low, high) = float(found.percent), (float(v) for v in found.ci95_percent)
    if not isfinite(percent):
        return Phase(area_withheld="areas of single sweeps of one side are not above the noise")
    low, high = analysis.with_common_error(low, high, _doubt(one_site, one), _doubt(other_site, other))
    return Phase(
        area_percent=percent,
        area_ci95_percent=(low, high) if isfinite(low) and isfinite(high) else None,
        duration_percent=100.0 * _response(one).duration_ms / _response(other).duration_ms,
    )


def _unbounded(side: Side, answer: Answer) -> str | None:
    """Why the negative phase has no certain beginning or end."""
    if answer.response is None:
        return f"{side} side: no response"
    if answer.verdict.latency:
        return f"{side} side: {'; '.join(answer.verdict.latency)}"
    if not (isfinite(answer.response.onset_ms) and answer.response.duration_ms > 0):
        return f"{side} side: the negative phase has no certain beginning or end"
    return None


def _response(answer: Answer) -> Response:
    if answer.response is None:
        raise AnalysisError("There is no response.")
    return answer.response


def _doubt(site: Site, answer: Answer) -> float:
    """SD over the area of what the removal of the artefact may have left in it, alike in all sweeps."""
    response = _response(answer)
    doubt = None if site.series.cleaned is None else site.series.cleaned.doubt(answer.row)
    if doubt is None or not response.area_mv_ms > 0:
        return 0.0
    return doubt.over(response.onset_ms, response.onset_ms + response.duration_ms) / 1e3 / response.area_mv_ms


def _areas(site: Site, answer: Answer) -> analysis.Floats:
    response, series = _response(answer), site.series
    kept = response.kept
    return phase_area.of_sweeps(
        series.uv[answer.row][kept],
        rate_hz=series.rate_hz,
        stimulus_sample=series.stimulus_sample[answer.row][kept],
        onset_ms=response.onset_ms,
        end_ms=response.onset_ms + response.duration_ms,
    )
