"""The stimulus artefact of one site: how it is taken off every sweep of each channel, and what the rows say of it."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import artefact, evoked
from npr_daq.analysis.artefact import Method, Template
from npr_daq.analysis.tail_doubt import TailDoubt
from npr_daq.errors import AnalysisError
from npr_daq.findings.rows import Artefact

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

RECOVERY_MS = 0.6
"""After the pulse's end: the front-end's anti-alias filter rings for half a millisecond behind an edge, and what rings
is no relaxation. Shorter where the gap would have too few samples, never under `artefact.RECOVERY_MS`."""
LEAST_GAP_SAMPLES = 7
BEFORE_ONSET_MS = 0.2
"""The silent gap of a known response ends so long before its onset (clinical reference 6.1)."""
LATEST_MS = 2.5
"""A later end would take in what other muscles, which answer earlier, send to this channel."""

SUBTHRESHOLD_PART = 0.95
LEAST_PART = 0.10
"""A template from less than this part of the current brings more noise than two exponentials do; chosen on seeds 1 to 3
of the simulated patient."""

CLEAN_SD = 2.0
SATURATED = "saturated"
"""Stands for a method where the amplifier was at its limit: nothing was taken off."""


@dataclass(frozen=True, slots=True, eq=False)
class Shocks:
    """Sweeps of one site and width: `uv` (channel, sweep, time), `stimulus` (channel, sweep), `current_ma` (sweep,).

    `clipped` (channel, sweep): the amplifier was at its limit.
    """

    uv: Floats
    stimulus: Floats
    current_ma: Floats
    clipped: Mask

    def only(self, kept: Mask) -> "Shocks":
        """Some of the sweeps."""
        return Shocks(self.uv[:, kept], self.stimulus[:, kept], self.current_ma[kept], self.clipped[:, kept])


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """Corrected sweeps (channel, sweep, time) and the account of `analysis.artefact.Correction`, (channel, sweep) each.

    `noise_uv` holds the noise of the sweep and what the template added to it; `tail_uv` is what was taken off at the
    end of the silent gap. `doubts` has one entry per channel, or none where they were not asked for: how far what was
    taken off may lie from the artefact, alike in all sweeps.
    """

    uv: Floats
    method: NDArray[np.str_]
    residual_uv: Floats
    noise_uv: Floats
    tail_uv: Floats
    saturated: Mask
    doubts: tuple[TailDoubt | None, ...] = ()

    def only(self, row: int, kept: Mask) -> "Cleaned":
        """One channel and some of its sweeps."""
        one = slice(row, row + 1)
        return Cleaned(
            uv=self.uv[one, kept],
            method=self.method[one, kept],
            residual_uv=self.residual_uv[one, kept],
            noise_uv=self.noise_uv[one, kept],
            tail_uv=self.tail_uv[one, kept],
            saturated=self.saturated[one, kept],
            doubts=self.doubts[one],
        )

    def doubt(self, row: int) -> TailDoubt | None:
        """What the removal may have left in all sweeps of a channel alike."""
        return self.doubts[row] if self.doubts else None

    def account(self, row: int, kept: Mask) -> Artefact:
        """What was done to the `kept` sweeps of one channel: root mean squares over them."""
        if self.saturated[row, kept].any():
            return Artefact(method=SATURATED, proved=False)
        residual, noise = (_rms(each[row, kept]) for each in (self.residual_uv, self.noise_uv))
        if not np.isfinite(residual + noise):
            return Artefact()
        words, numbers = np.unique(self.method[row, kept], return_counts=True)
        proved = bool(residual <= CLEAN_SD * noise)
        return Artefact(str(words[numbers.argmax()]), residual_uv=residual, noise_uv=noise, proved=proved)


@dataclass(frozen=True, slots=True, eq=False)
class Cleaner:
    """How one site's artefact is taken off: per channel a template or None, and the end of the silent gap in ms.

    `recovery_ms` is None where the pulse leaves no silent gap at this rate: then nothing is taken off.
    """

    rate_hz: float
    width_us: float
    recovery_ms: float | None
    templates: tuple[Template | None, ...]
    silent_until_ms: Floats

    def clean(self, shocks: Shocks) -> Cleaned:
        """The sweeps without their artefact; those with a limited amplifier and those with a gap as they were."""
        n_channels, n_sweeps, _ = shocks.uv.shape
        method = np.full((n_channels, n_sweeps), str(Method.NONE), dtype=f"<U{max(map(len, Method))}")
        residual, noise, tail = np.full((3, n_channels, n_sweeps), np.nan)
        cleaned = Cleaned(shocks.uv.copy(), method, residual, noise, tail, shocks.clipped.copy())
        if self.recovery_ms is None or not n_sweeps:
            return cleaned
        for rows in self._alike():
            self._into(cleaned, shocks, rows)
        return cleaned

    def _alike(self) -> list[list[int]]:
        """Channels without a template whose gaps end together go through one call; each other one by itself."""
        groups: dict[tuple[float, int], list[int]] = {}
        for row, (until, template) in enumerate(zip(self.silent_until_ms, self.templates, strict=True)):
            groups.setdefault((float(until), -1 if template is None else row), []).append(row)
        return list(groups.values())

    def _into(self, cleaned: Cleaned, shocks: Shocks, rows: list[int]) -> None:
        """Correct the sweeps of channels that are treated alike."""
        which = np.zeros(cleaned.method.shape, dtype=bool)
        which[rows] = ~shocks.clipped[rows]
        if not which.any():
            return
        template = self.templates[rows[0]]
        done = artefact.correct(
            shocks.uv[which],
            rate_hz=self.rate_hz,
            stimulus_sample=shocks.stimulus[which],
            pulse_width_us=self.width_us,
            template_uv=None if template is None else template.template_uv_per_ma,
            template_sample=None if template is None else float(template.stimulus_sample),
            silent_until_ms=float(self.silent_until_ms[rows[0]]),
            recovery_ms=self.recovery_ms or 0.0,
        )
        cleaned.uv[which] = done.corrected_uv
        cleaned.method[which] = done.method
        cleaned.residual_uv[which] = done.residual_uv
        cleaned.noise_uv[which] = np.hypot(done.noise_uv, done.template_noise_uv)
        cleaned.tail_uv[which] = done.tail_uv
        cleaned.saturated[which] = done.saturated


def cleaner(
    accepted: Shocks, search: Shocks, *, rate_hz: float, width_us: float, window_ms: tuple[float, float]
) -> Cleaner:
    """How to take the artefact off the sweeps of one site; `accepted` holds at least one sweep.

    First two exponentials on the gap up to 1.3 ms; the onset of what is left says how long the gap of each channel
    really is. Where there is an artefact, the lowest currents of `search` that hold no response in this channel make
    its template, if they reach a tenth of the accepted current: scaled up from less it costs more than it mends.
    """
    channels = len(accepted.uv)
    recovery = recovery_ms(width_us, rate_hz)
    until = np.full(channels, artefact.SILENT_UNTIL_MS)
    first = Cleaner(rate_hz, width_us, recovery, (None,) * channels, until)
    if recovery is None:
        return first
    # Once over the means: they have less noise, and hardly more of the artefact is blurred than a sample.
    whole = np.isfinite(accepted.uv).all(axis=-1) & ~accepted.clipped
    if not whole.any(axis=1).all():
        return first
    share = whole / whole.sum(axis=1, keepdims=True)
    mean = Shocks(
        uv=np.einsum("ij,ijk->ik", share, np.where(whole[..., None], accepted.uv, 0.0))[:, None],
        stimulus=np.einsum("ij,ij->i", share, accepted.stimulus)[:, None],
        current_ma=accepted.current_ma[:1],
        clipped=np.zeros((channels, 1), dtype=bool),
    )
    done = first.clean(mean)
    found = done.method[:, 0] != Method.NONE
    if not found.any():
        return first
    earliest = width_us / 1e3 + recovery + LEAST_GAP_SAMPLES * 1e3 / rate_hz
    onsets = _onsets(done.uv[:, 0], mean.stimulus[:, 0], rate_hz, window_ms)
    known = np.isfinite(onsets)
    until[known] = np.clip(onsets[known] - BEFORE_ONSET_MS, earliest, max(LATEST_MS, earliest))
    templates = _templates(search, accepted, found, recovery, rate_hz=rate_hz, width_us=width_us, window_ms=window_ms)
    return Cleaner(rate_hz, width_us, recovery, templates, until)


def recovery_ms(width_us: float, rate_hz: float) -> float | None:
    """How long after the pulse the gap begins; None where 1.3 ms leave it no `LEAST_GAP_SAMPLES`."""
    room = artefact.SILENT_UNTIL_MS - width_us / 1e3 - LEAST_GAP_SAMPLES * 1e3 / rate_hz
    return None if room < artefact.RECOVERY_MS else min(RECOVERY_MS, room)


def _onsets(uv: Floats, stimulus: Floats, rate_hz: float, window_ms: tuple[float, float]) -> Floats:
    """Onset in ms of each row (row, time), NaN where there is no response or no hinge."""
    found = evoked.measure(uv, rate_hz=rate_hz, stimulus_sample=stimulus, window_ms=window_ms)
    doubtful = evoked.Flag.ONSET_BY_THRESHOLD | evoked.Flag.NO_ONSET | evoked.Flag.LOW_SNR
    return np.where(found.present & ((found.flags & doubtful) == 0), found.onset_latency_ms, np.nan)


def _templates(
    search: Shocks,
    accepted: Shocks,
    found: Mask,
    recovery: float,
    *,
    rate_hz: float,
    width_us: float,
    window_ms: tuple[float, float],
) -> tuple[Template | None, ...]:
    """A template for each channel that has an artefact and sweeps under its threshold, else None."""
    none: tuple[Template | None, ...] = (None,) * len(accepted.uv)
    current = float(np.median(accepted.current_ma))
    order = np.argsort(search.current_ma, kind="stable")
    order = order[search.current_ma[order] < SUBTHRESHOLD_PART * current]
    if not order.size:
        return none
    uv, stimulus, currents = search.uv[:, order], search.stimulus[:, order], search.current_ma[order]
    found_in = partial(artefact.hold_responses, rate_hz=rate_hz, pulse_width_us=width_us, recovery_ms=recovery)
    template_of = partial(
        artefact.subthreshold_template, rate_hz=rate_hz, pulse_width_us=width_us, recovery_ms=recovery
    )
    held = found_in(uv, stimulus_sample=stimulus, window_ms=window_ms) | search.clipped[:, order]
    made = list(none)
    for row in np.flatnonzero(found):
        # The lowest currents, up to the first sweep that holds something.
        count = int(np.argmax(np.append(held[row], True)))
        while count and currents[count - 1] >= LEAST_PART * current:
            try:
                one = template_of(
                    uv[row, :count],
                    stimulus_sample=stimulus[row, :count],
                    current_ma=currents[:count],
                    window_ms=window_ms,
                )
            except AnalysisError:
                break
            if not one.holds_response and np.isfinite(one.template_uv_per_ma).all():
                made[row] = one
                break
            count -= 1
    return tuple(made)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else float("nan")
