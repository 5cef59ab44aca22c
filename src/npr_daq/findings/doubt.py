"""What the removal of the stimulus artefact may have left in every sweep of a site alike, channel by channel."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import tail_doubt
from npr_daq.analysis.artefact import Method, Template
from npr_daq.analysis.layout import BASELINE_MS
from npr_daq.analysis.tail_doubt import TailDoubt, TemplateError
from npr_daq.findings.artefact import Cleaned, Cleaner, Shocks

Floats = NDArray[np.float64]

BLOCK_MS = 5.0
"""Stretches of the record before the shock whose means tell how fast the baseline walks."""
BLOCKS = 3
QUIET_UNTIL_MS = -1.0
WALK_OF_MEANS = 1.5
"""Variance that a random walk gains in the length of a block, over that between the means of two neighbours."""


def doubts(
    given: Shocks, cleaned: Cleaned, how: Cleaner, *, search: Shocks, window_end_ms: float
) -> tuple[TailDoubt | None, ...]:
    """One per channel: None where nothing was taken off because nothing could be, or no whole sweep is left.

    `given` and `cleaned` are the accepted sweeps before and after `how`; the baselines of `search` tell beside theirs
    how much a template, which is made of few weak shocks, walks off with the baseline when it is scaled up.
    """
    return tuple(_doubt(row, given, cleaned, how, search, window_end_ms) for row in range(len(given.uv)))


def _doubt(
    row: int, given: Shocks, cleaned: Cleaned, how: Cleaner, search: Shocks, window_end_ms: float
) -> TailDoubt | None:
    usable = ~cleaned.saturated[row] & np.isfinite(given.uv[row]).all(axis=-1)
    if how.recovery_ms is None or not usable.any():
        return None
    step_ms = 1e3 / how.rate_hz
    first_ms = how.width_us / 1e3 + how.recovery_ms
    last_ms = (given.uv.shape[-1] - 1 - float(given.stimulus[row].max())) * step_ms
    gap_ms = np.arange(first_ms, float(how.silent_until_ms[row]) + 1e-6, step_ms)
    times_ms = np.geomspace(first_ms, min(window_end_ms, last_ms), tail_doubt.POINTS)
    read = partial(_mean_at, stimulus=given.stimulus[row, usable], rate_hz=how.rate_hz)
    raw, left = given.uv[row, usable], cleaned.uv[row, usable]
    baseline = read(raw, np.arange(*BASELINE_MS, step_ms))
    words, numbers = np.unique(cleaned.method[row, usable], return_counts=True)
    template = how.templates[row] if words[numbers.argmax()] == Method.TEMPLATE else None
    return tail_doubt.of_gap(
        read(raw, gap_ms) - float(np.median(baseline)),
        gap_ms,
        sigma_uv=_robust_sd(baseline),
        removed_uv=read(raw, times_ms) - read(left, times_ms),
        times_ms=times_ms,
        template=None if template is None else _error(template, row, given, search, how.rate_hz),
    )


def _mean_at(sweeps: Floats, times_ms: Floats, *, stimulus: Floats, rate_hz: float) -> Floats:
    """The mean of `sweeps` (sweep, time) at instants after the stimulus of each."""
    columns = np.arange(sweeps.shape[1])
    rows = [np.interp(at + times_ms * rate_hz / 1e3, columns, row) for row, at in zip(sweeps, stimulus, strict=True)]
    return np.asarray(np.mean(rows, axis=0))


def _error(template: Template, row: int, given: Shocks, search: Shocks, rate_hz: float) -> TemplateError:
    """How the template may be wrong once it is scaled to the accepted current.

    The means of neighbouring stretches before each shock tell how fast the baseline of one sweep walks; the noise of
    the template over that of a sweep tells how much of it the average kept and the scaling makes of it.
    """
    ready = round(-QUIET_UNTIL_MS * rate_hz / 1e3)
    walks, sigma = [], []
    for shocks in (given, search):
        for sweep, stimulus in zip(shocks.uv[row], shocks.stimulus[row], strict=True):
            before = sweep[: max(int(stimulus) - ready, 0)]
            length = min(round(BLOCK_MS * rate_hz / 1e3), len(before) // 2)
            if length < 2 or not np.isfinite(before).all():
                continue
            blocks = min(BLOCKS, len(before) // length)
            means = before[len(before) - blocks * length :].reshape(blocks, length).mean(axis=1)
            walks.append(np.square(np.diff(means)).mean() / (length * 1e3 / rate_hz))
            sigma.append(_robust_sd(before[-blocks * length :]))
    noise_uv = float(template.noise_uv_per_ma) * float(np.median(given.current_ma))
    if not walks or not np.median(sigma) > 0:
        return TemplateError(noise_uv, 0.0)
    gain = noise_uv / float(np.median(sigma))
    return TemplateError(noise_uv, float(WALK_OF_MEANS * np.mean(walks) * gain**2))


def _robust_sd(values: Floats) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
