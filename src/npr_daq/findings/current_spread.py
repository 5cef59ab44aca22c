"""How the muscles of one site grow with the current beyond the plateau of the stimulated branch."""

from dataclasses import replace

import numpy as np

from npr_daq.analysis import amplitude, spread_matrix
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.spread_matrix import CurrentSpread
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.series import Series, filtered, shocks_of
from npr_daq.recording import Recording, Role


def current_spread(
    recording: Recording, series: Series, target: int, parameters: Parameters, *, rows: list[int]
) -> CurrentSpread | None:
    """Growth of the channels `rows` beyond the plateau of the channel `target`, from every trusted shock of the step.

    Each shock is read at the peak instants of the accepted average in the early window, so that noise adds nothing.
    None without accepted sweeps.
    """
    if not series.count or series.cleaner is None:
        return None
    length = series.average_uv.shape[-1]
    shocks = tuple(
        s
        for s in recording.sweeps
        if s.step == series.step
        and s.role is not Role.REJECTED
        and s.valid
        and s.rate_hz == series.rate_hz
        and s.stimulus.width_us == series.cleaner.width_us
        and s.counts.shape[-1] >= length
        and s.report.trusted(s.stimulus.current_ma)
    )
    channels = tuple(series.channels[row] for row in rows)
    given = shocks_of(recording, shocks, channels, length=length)
    how = replace(
        series.cleaner,
        templates=tuple(series.cleaner.templates[row] for row in rows),
        silent_until_ms=series.cleaner.silent_until_ms[rows],
    )
    uv = filtered(how.clean(given).uv, series.rate_hz, parameters)
    per_ms = series.rate_hz / 1e3
    sizes = np.full((len(shocks), len(rows)), np.nan)
    for index, row in enumerate(rows):
        stimulus = float(series.average_stimulus[row])
        window = tuple(
            round(stimulus + edge * per_ms) for edge in (parameters.window_start_ms, parameters.early_end_ms)
        )
        wide = low_pass(
            np.concatenate([series.average_uv[row][None], uv[index]]),
            rate_hz=series.rate_hz,
            corner_hz=amplitude.CORNER_HZ,
        ).astype(np.float64)
        mean = wide[0, slice(*window)]
        late = given.stimulus[index] - stimulus
        high, low = (window[0] + int(at) for at in (mean.argmax(), mean.argmin()))
        columns = np.arange(length)
        for shock in range(len(shocks)):
            top, bottom = np.interp([high + late[shock], low + late[shock]], columns, wide[1 + shock])
            sizes[shock, index] = (top - bottom) / 1e3
    current = np.array([s.stimulus.current_ma for s in shocks])
    return spread_matrix.current_spread(current, sizes, target=rows.index(target))
