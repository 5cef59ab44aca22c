"""Removal of the stimulus artefact from sweeps, with an account of what was done to each."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import reading, relaxation
from npr_daq.analysis.layout import WINDOW_MS, Layout, Sweeps, lay_out
from npr_daq.analysis.scaled_template import Scaled, Templates
from npr_daq.analysis.silent_gap import RECOVERY_MS, SILENT_UNTIL_MS, SilentGap, saturated

BLOCK_ROWS = 256

TEMPLATE_POWER = 36.0
TAIL_POWER = 48.0
"""Squares explained on the gap, in units of the noise's, above which there is an artefact to take off.

Of 20,000 sweeps with nothing but noise and hum, one template explains 36 in 0.3 %, the best exponentials 48 in 0.3 %.
"""

CLEAN_SD = 2.0
"""A residual on the gap of up to this many noise SD passes as noise."""

PULSE_SD = 5.0
RAIL_PART = 0.999

Floats = NDArray[np.float64]


class Method(StrEnum):
    """How the artefact of a sweep was taken off."""

    TEMPLATE = "template"
    BI_EXPONENTIAL = "bi_exponential"
    NONE = "none"


LONGEST_WORD = f"<U{max(map(len, Method))}"
NUMBERS = ("scale", "fast_ms", "slow_ms", "tail_uv", "residual_uv", "noise_uv", "template_noise_uv")


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """Corrected sweeps and what was done to each; everything but `corrected_uv` is shaped like the leading axes.

    `method`: the words of `Method`. `scale`: the factor of the template (milliamperes, for a template per mA), NaN
    without one. `fast_ms`, `slow_ms`: time constants of the best sum of exponentials, NaN without a fit (`fast_ms` also
    where one exponential is best). `tail_uv`: what was subtracted at the end of the gap, with its sign, 0 for none.
    `residual_uv`: RMS of the corrected gap about the baseline, degrees of freedom taken off; `noise_uv`: robust SD of
    the baseline; `template_noise_uv`: noise of the template x scale, which the subtraction added;
    `clean`: the residual is at most 2 x both noises together. `pulse_held`: the samples of the pulse were set to the
    baseline. `saturated`: the amplifier was at its limit: nothing was fitted or altered.
    """

    corrected_uv: NDArray[np.floating[Any]]
    method: NDArray[np.str_]
    scale: Floats
    fast_ms: Floats
    slow_ms: Floats
    tail_uv: Floats
    residual_uv: Floats
    noise_uv: Floats
    template_noise_uv: Floats
    clean: NDArray[np.bool_]
    pulse_held: NDArray[np.bool_]
    saturated: NDArray[np.bool_]


def remove(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    pulse_width_us: float,
    template_uv: ArrayLike | None = None,
) -> NDArray[np.floating[Any]]:
    """The sweeps without their stimulus artefact, same shape, microvolts; `correct` gives the account with it.

    Promises: a sweep without an artefact, with a gap in its data or with a saturated amplifier comes back as it was;
    no sample after the silent gap is altered by anything but the subtracted tail.
    """
    done = correct(
        sweeps_uv,
        rate_hz=rate_hz,
        stimulus_sample=stimulus_sample,
        pulse_width_us=pulse_width_us,
        template_uv=template_uv,
    )
    return done.corrected_uv


def correct(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    pulse_width_us: float,
    template_uv: ArrayLike | None = None,
    template_sample: float | None = None,
    silent_until_ms: float = SILENT_UNTIL_MS,
    recovery_ms: float = RECOVERY_MS,
    full_scale_uv: float | None = None,
) -> Correction:
    """Take the stimulus artefact off every sweep on its own and say how.

    `sweeps_uv` (..., time) in microvolts as recorded; `stimulus_sample` broadcasts over the leading axes and may be
    fractional; `template_uv` (..., time) broadcasts over them too: the artefact of sweeps that hold no response, in any
    unit of current, its stimulus at `template_sample` (the mean of `stimulus_sample` where not given). The silent gap
    runs from `recovery_ms` after the pulse's end to `silent_until_ms` after the stimulus, to the nearest sample.

    Order: the template scaled on the gap by least squares; where there is none, or it leaves more than 2 noise SD
    there and the other leaves less, exponentials fitted to the gap (`relaxation.fit`). What explains less of the gap
    than noise may (`TEMPLATE_POWER`, `TAIL_POWER`) is no artefact. From the gap on the tail is subtracted; from 0.1 ms
    before the stimulus up to the gap the sweep is held at its baseline where it leaves it by 5 SD. Saturation, that is
    values at `full_scale_uv` after the stimulus, or 0.3 ms of equal extreme values that outlast the pulse, is flagged
    instead (give `full_scale_uv` where it is known: shorter clipping cannot be seen without it).

    Promises: float32 stays float32, all else becomes float64; each row's answer depends on that row alone; extra memory
    does not grow with the sweeps, the answers apart. A row with a sample that is not finite comes back unaltered, NaN
    in its numbers. Raises `AnalysisError` where the gap has fewer than 6 samples, for a width or template that does not
    fit, and as `layout`. Source: analysis reference 4; clinical reference 6.1.
    """
    sweeps = Sweeps.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=WINDOW_MS)
    gap = SilentGap.check(
        float(pulse_width_us), rate_hz=sweeps.rate_hz, silent_until_ms=silent_until_ms, recovery_ms=recovery_ms
    )
    templates = None if template_uv is None else Templates.check(template_uv, sweeps, gap, sample=template_sample)
    kept = np.float32 if sweeps.rows.dtype == np.float32 else np.float64
    account = _Account(sweeps.rows.astype(kept))
    for where, picked in _blocks(sweeps):
        _correct_block(account, sweeps, where, picked, gap=gap, templates=templates, full_scale_uv=full_scale_uv)
    return account.shaped(sweeps.leading)


class _Account:
    """The answers of all rows while they are being filled, starting from unaltered sweeps."""

    def __init__(self, rows: NDArray[np.floating[Any]]) -> None:
        self.rows = rows
        self.method = np.full(len(rows), Method.NONE.value, dtype=LONGEST_WORD)
        self.numbers = {name: np.full(len(rows), np.nan) for name in NUMBERS}
        self.marks = {name: np.zeros(len(rows), dtype=bool) for name in ("clean", "pulse_held", "saturated")}

    def shaped(self, leading: tuple[int, ...]) -> Correction:
        """The answers with the leading axes of the sweeps."""
        numbers = {name: values.reshape(leading) for name, values in self.numbers.items()}
        marks = {name: values.reshape(leading) for name, values in self.marks.items()}
        rows = self.rows.reshape(*leading, self.rows.shape[1])
        return Correction(corrected_uv=rows, method=self.method.reshape(leading), **numbers, **marks)


def _blocks(sweeps: Sweeps) -> Iterator[tuple[Layout, NDArray[np.int64]]]:
    """Rows without a missing sample that share the column of their stimulus, at most `BLOCK_ROWS` at a time."""
    columns = sweeps.columns
    for column in np.unique(columns):
        where = lay_out(sweeps.rows.shape[1], int(column), rate_hz=sweeps.rate_hz, window_ms=sweeps.window_ms)
        rows = np.flatnonzero(columns == column)
        for first in range(0, len(rows), BLOCK_ROWS):
            picked = rows[first : first + BLOCK_ROWS]
            yield where, picked[np.isfinite(sweeps.rows[picked]).all(axis=1)]


@dataclass(slots=True, eq=False)
class _Block:
    """Some rows with their baseline at zero, `silent` their gap, and what has been found to take off each so far."""

    rows: Floats
    silent: Floats
    times_ms: Floats
    sigma: Floats
    method: NDArray[np.str_]
    numbers: dict[str, Floats]
    tail: Floats

    @classmethod
    def start(cls, rows: Floats, sigma: Floats, *, column: int, gap: SilentGap, rate_hz: float) -> "_Block":
        """Nothing to take off yet."""
        silent = rows[:, column + gap.first : column + gap.stop]
        times_ms = np.arange(gap.first, rows.shape[1] - column) / rate_hz * 1e3
        numbers = {name: np.full(len(rows), np.nan) for name in NUMBERS}
        numbers["noise_uv"] = sigma
        numbers["template_noise_uv"] = np.zeros(len(rows))
        numbers["residual_uv"] = _rms(silent, free=0)
        method = np.full(len(rows), Method.NONE.value, dtype=LONGEST_WORD)
        return cls(rows, silent, times_ms, sigma, method, numbers, np.zeros((len(rows), len(times_ms))))

    @property
    def clean(self) -> NDArray[np.bool_]:
        """Whether what is left on the gap of each row passes as noise."""
        noise = np.hypot(self.sigma, self.numbers["template_noise_uv"])
        # Without noise, rounding is what is left.
        floor = 1e-9 * np.abs(self.silent).max(axis=1)
        return np.asarray(self.numbers["residual_uv"] <= CLEAN_SD * noise + floor)

    def by_template(self, scaled: Scaled, rows: NDArray[np.bool_]) -> None:
        """Take the scaled template for those `rows` on whose gap it explains more than noise may."""
        used = rows & (scaled.explained > TEMPLATE_POWER * self.sigma**2)
        self.method[used] = Method.TEMPLATE
        self.numbers["scale"][used] = scaled.factor[used]
        self.numbers["template_noise_uv"][used] = scaled.noise[used]
        self.tail[used] = scaled.tail[used]
        left = self.silent[used] - self.tail[used, : self.silent.shape[1]]
        self.numbers["residual_uv"][used] = _rms(left, free=1)

    def by_exponentials(self, rows: NDArray[np.bool_]) -> None:
        """Take fitted exponentials for those `rows` where they explain more than noise may and leave less than now."""
        if not rows.any():
            return
        sigma = self.sigma[rows]
        found = relaxation.fit(self.silent[rows], self.times_ms[: self.silent.shape[1]], sigma)
        better = (found.explained > TAIL_POWER * sigma**2) & (found.residual < self.numbers["residual_uv"][rows])
        used = np.flatnonzero(rows)[better]
        self.method[used] = Method.BI_EXPONENTIAL
        answers = {"fast_ms": found.fast_ms, "slow_ms": found.slow_ms, "residual_uv": found.residual}
        for name, values in answers.items():
            self.numbers[name][used] = values[better]
        self.numbers["scale"][used] = np.nan
        self.numbers["template_noise_uv"][used] = 0.0
        self.tail[used] = found.at(self.times_ms)[better]


def _correct_block(
    account: _Account,
    sweeps: Sweeps,
    where: Layout,
    picked: NDArray[np.int64],
    *,
    gap: SilentGap,
    templates: Templates | None,
    full_scale_uv: float | None,
) -> None:
    """Correct the rows `picked`, which share the column of their stimulus, in `account`."""
    raw = sweeps.rows[picked].astype(np.float64)
    if not len(raw):
        return
    column = int(sweeps.columns[picked[0]])
    low, high = (where.first + edge for edge in where.baseline)
    middle, sigma = (np.asarray(each, dtype=np.float64) for each in reading.median_and_sigma(raw[:, low:high]))
    block = _Block.start(raw - middle[:, None], sigma, column=column, gap=gap, rate_hz=sweeps.rate_hz)
    limited = saturated(block.rows, sigma, column, gap)
    if full_scale_uv is not None:
        limited |= (np.abs(raw[:, column:]) >= RAIL_PART * full_scale_uv).any(axis=1)
    open_to_fits = ~limited
    if templates is not None:
        scaled = templates.on(block.silent, picked, sweeps.stimulus[picked], start=column + gap.first)
        block.by_template(scaled, open_to_fits)
        # Where a template says that there is nothing to take off, noise is all that exponentials would find.
        open_to_fits = open_to_fits & (~block.clean | np.isnan(scaled.factor))
    block.by_exponentials(open_to_fits)

    start = column + gap.first
    changed = np.flatnonzero(block.method != Method.NONE)
    account.rows[picked[changed], start:] = block.rows[changed, start:] - block.tail[changed] + middle[changed, None]
    early = slice(max(column - gap.before, 0), start)
    held = (np.abs(block.rows[:, early]) > PULSE_SD * sigma[:, None]).any(axis=1) & ~limited
    account.rows[picked[held], early] = middle[held, None]
    block.numbers["tail_uv"] = block.tail[:, block.silent.shape[1] - 1]
    account.method[picked] = block.method
    for name, values in block.numbers.items():
        account.numbers[name][picked] = values
    for name, mark in (("clean", block.clean & ~limited), ("pulse_held", held), ("saturated", limited)):
        account.marks[name][picked] = mark


def _rms(rows: Floats, *, free: int) -> Floats:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows) / max(rows.shape[1] - free, 1)))
