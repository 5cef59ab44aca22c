"""Single sweeps as pictures show them: one time axis for all, the baseline at zero, as recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle, Side, Site
from npr_daq.findings.series import microvolts, stimulus_samples
from npr_daq.montage import Channel
from npr_daq.recording import Recording, Role, Sweep

Floats = NDArray[np.float64]

BASELINE_MS = (-15.0, -1.0)


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch that is drawn, in ms from the stimulus, and its step: samples within a step are averaged."""

    start_ms: float
    end_ms: float
    step_ms: float

    @property
    def time_ms(self) -> Floats:
        """The time axis, shape (time,)."""
        return np.asarray(np.arange(self.start_ms, self.end_ms + self.step_ms / 2, self.step_ms))


@dataclass(frozen=True, slots=True, eq=False)
class SingleSweeps:
    """The accepted sweeps of one step: `uv` (channel, sweep, time) in microvolts as recorded, NaN where none arrived.

    `side` is the stimulated one; `time_ms` (time,) counts from the cathodal edge, the channels' delay taken off.
    `where` says of every sweep which train and which shock of it (0, 0 outside trains).
    """

    side: Side
    site: Site
    rate_hz: float
    current_ma: float
    channels: tuple[Channel, ...]
    time_ms: Floats
    uv: Floats
    where: tuple[tuple[int, int], ...]

    def of(self, side: Side, muscle: Muscle | str) -> Floats | None:
        """The sweeps (sweep, time) of one muscle; None where it was not recorded."""
        row = next((k for k, c in enumerate(self.channels) if c.side == side and c.muscle == muscle), None)
        return None if row is None else np.asarray(self.uv[row])

    @property
    def count(self) -> int:
        """Number of sweeps."""
        return int(self.uv.shape[1])


def single_sweeps(recording: Recording, kind: str, span: Span) -> tuple[SingleSweeps, ...]:
    """The accepted sweeps of every step of `kind`; where a site was done twice, of the last one only."""
    found: dict[tuple[Side, Site], SingleSweeps] = {}
    for step in recording.steps:
        if recording.kind_of(step) != kind:
            continue
        sweeps = tuple(
            s
            for s in recording.sweeps
            if s.step == step and s.role is Role.ACCEPT and s.valid and s.report.trusted(s.stimulus.current_ma)
        )
        if sweeps:
            last = sweeps[-1].stimulus
            found[last.side, last.site] = _drawn(recording, sweeps, span)
    return tuple(found.values())


def _drawn(recording: Recording, sweeps: Sequence[Sweep], span: Span) -> SingleSweeps:
    kept, channels = tuple(sweeps), recording.montage.channels
    length = min(int(s.counts.shape[-1]) for s in kept)
    uv = microvolts(recording, kept, channels, length)
    stimulus = stimulus_samples(recording, kept, channels)
    last = kept[-1]
    drawn = np.stack(
        [
            [_on_axis(uv[c, k], stimulus[c, k], kept[k].rate_hz, span) for k in range(len(kept))]
            for c in range(len(channels))
        ]
    )
    return SingleSweeps(
        side=last.stimulus.side,
        site=last.stimulus.site,
        rate_hz=last.rate_hz,
        current_ma=last.stimulus.current_ma,
        channels=channels,
        time_ms=span.time_ms,
        uv=drawn,
        where=tuple((int(s.why.get("train", 0)), int(s.why.get("pulse", 0))) for s in kept),
    )


def _on_axis(uv: Floats, stimulus: float, rate_hz: float, span: Span) -> Floats:
    """One sweep on the axis of `span`; the median before the stimulus is zero."""
    own = (np.arange(len(uv)) - stimulus) * 1e3 / rate_hz
    quiet = uv[(own >= BASELINE_MS[0]) & (own <= BASELINE_MS[1])]
    level = float(np.nanmedian(quiet)) if np.isfinite(quiet).any() else 0.0
    many = max(1, round(span.step_ms * rate_hz / 1e3))
    offsets = (np.arange(many) - (many - 1) / 2) * span.step_ms / many
    fine = span.time_ms[:, None] + offsets
    return np.asarray(np.interp(fine, own, uv - level, left=np.nan, right=np.nan).mean(axis=-1))
