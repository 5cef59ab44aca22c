"""The sweeps of one step with one stimulus instant for all, as the late windows need them, and what limits them."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import lateral_spread
from npr_daq.analysis.lateral_spread import LateralSpread
from npr_daq.analysis.shifting import shifted
from npr_daq.anatomy import SUPPLIES, Branch
from npr_daq.errors import AnalysisError
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.series import FILTER_MEMORY_MS, Series
from npr_daq.recording import Recording

Floats = NDArray[np.float64]


def movers(series: Series) -> list[int]:
    """Rows of the muscles that the stimulated branch supplies."""
    if not isinstance(series.site, Branch):
        return []
    supplied = SUPPLIES[series.site]
    return [row for row, channel in enumerate(series.channels) if channel.muscle in supplied]


def placed(series: Series, *, until_ms: float | None = None) -> tuple[Floats, int]:
    """The sweeps (sweep, channel, time) moved so that one column is the stimulus in all of them, and that column.

    Where `until_ms` is given they end when the filters have forgotten what comes after it.
    """
    column = int(np.rint(series.stimulus_sample.mean()))
    last = series.uv.shape[-1]
    if until_ms is not None:
        last = min(last, column + round((until_ms + FILTER_MEMORY_MS) * series.rate_hz / 1e3))
    cut = series.uv[..., :last]
    moved = shifted(cut.reshape(-1, last), (column - series.stimulus_sample).reshape(-1)).reshape(cut.shape)
    return np.moveaxis(moved, 0, 1), column


def judged(series: Series, parameters: Parameters) -> LateralSpread | None:
    """Lateral spread of every channel of the series; None without sweeps, supplied muscles or samples enough."""
    own = movers(series)
    if not series.count or not own or len(own) == len(series.channels):
        return None
    sweeps, column = placed(series, until_ms=parameters.window_end_ms)
    try:
        return lateral_spread.lateral_spread(
            sweeps,
            movers=own,
            rate_hz=series.rate_hz,
            stimulus_sample=column,
            window_ms=(parameters.late_start_ms, parameters.window_end_ms),
            direct_ms=(parameters.window_start_ms, parameters.early_end_ms),
        )
    except AnalysisError:
        return None


def settings_of(recording: Recording, step: str) -> Mapping[str, Any]:
    """What the exam's header keeps of a step; empty where it keeps nothing."""
    return next((s for s in recording.header.get("steps") or () if s["name"] == step), {})


def unproved(recording: Recording, step: str) -> list[str]:
    """What the search of a step says against its current, if anything."""
    search = recording.searches.get(step)
    if search is None:
        return ["the search of this step is not recorded"]
    if search.get("proved"):
        return []
    return [f"the stimulus was not proved supramaximal: {search.get('operator') or search.get('reason') or 'unknown'}"]


def artefact_reasons(series: Series, row: int) -> list[str]:
    """What is left of the stimulus artefact in a channel's sweeps, where that may matter, and what was set aside."""
    said = [f"{number} sweeps not used: {why}" for why, number in series.set_aside.items()]
    if series.cleaned is None or not series.count:
        return said
    saturated = int(series.cleaned.saturated[row].sum())
    if saturated:
        return [*said, f"the amplifier was at its limit in {saturated} of {series.count} sweeps"]
    account = series.cleaned.account(row, np.ones(series.count, dtype=bool))
    if account.proved is False:
        said.append(f"the artefact is not proved off: {account.residual_uv:.3g} uV are left of it")
    return said


def finite(value: float) -> float | None:
    """The value, None where it is no number."""
    return float(value) if isfinite(value) else None


def current_ma(series: Series) -> float | None:
    """The current of the accepted sweeps, None without any."""
    return float(np.median([s.stimulus.current_ma for s in series.sweeps])) if series.count else None
