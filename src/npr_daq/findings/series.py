"""The accepted sweeps of one stimulation site as microvolts, with their aligned average and what was set aside."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import conditioning, evoked
from npr_daq.anatomy import Branch, Muscle, Side, Site
from npr_daq.calibration import MISSING
from npr_daq.findings.artefact import Cleaned, Cleaner, Shocks, cleaner
from npr_daq.findings.doubt import doubts
from npr_daq.findings.parameters import Parameters
from npr_daq.montage import Channel
from npr_daq.recording import Recording, Role, Sweep

Floats = NDArray[np.float64]

FILTER_MEMORY_MS = 5.0
CONDUCTION = "conduction"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Sweeps of one site that are evidence: role accept, valid, delivered within 10 % of the requested current.

    `uv` is (channel, sweep, time) in microvolts, `stimulus_sample` (channel, sweep) is the cathodal edge as that
    channel shows it, its group delay included, so that every latency below is already corrected. The channels are
    those of the stimulated side, `montage_rows` their rows in the sweeps' counts. `uv` is without the stimulus
    artefact, `raw_uv` as recorded; `cleaned` is the account of it and `cleaner` what it was done with. `average_uv`
    (channel, time) is the aligned average and `average_stimulus` (channel,) its cathodal edge. `set_aside` counts
    accepted sweeps that were not used, by reason.
    """

    side: Side
    site: Site
    step: str
    rate_hz: float
    sweeps: tuple[Sweep, ...]
    channels: tuple[Channel, ...]
    montage_rows: tuple[int, ...]
    uv: Floats
    raw_uv: Floats
    stimulus_sample: Floats
    average_uv: Floats
    average_stimulus: Floats
    shifts_samples: Floats
    set_aside: dict[str, int]
    tried_ma: float
    cleaned: Cleaned | None = None
    cleaner: Cleaner | None = None

    def row(self, muscle: Muscle) -> int | None:
        """Row of the arrays that holds `muscle`, or None where it was not recorded on this side."""
        return next((row for row, channel in enumerate(self.channels) if channel.muscle == muscle), None)

    def single_sweeps_mv(self, window_ms: tuple[float, float]) -> Floats:
        """Peak-to-peak amplitude of each sweep in `window_ms` by leaving it out, shape (channel, sweep), in mV.

        NaN with a single sweep. Read at the peak instants of the others, so that noise alone averages to zero.
        """
        if self.count < 2:
            return np.full(self.uv.shape[:2], np.nan)
        # What follows the window by more than the filters' memory costs time and changes nothing.
        last = int(np.ceil(self.stimulus_sample.max() + (window_ms[1] + FILTER_MEMORY_MS) * self.rate_hz / 1e3))
        found = evoked.leave_one_out(
            self.uv[..., : last + 1],
            rate_hz=self.rate_hz,
            stimulus_sample=self.stimulus_sample,
            window_ms=window_ms,
        )
        return np.asarray(found.peak_to_peak_mv)

    def only(self, row: int, kept: NDArray[np.bool_], window_ms: tuple[float, float]) -> "Series":
        """One channel and some of the sweeps as a series of its own, with its own aligned average."""
        uv, stimulus = self.uv[row : row + 1, kept], self.stimulus_sample[row : row + 1, kept]
        average, shifts = evoked.align(uv, rate_hz=self.rate_hz, stimulus_sample=stimulus, window_ms=window_ms)
        return replace(
            self,
            sweeps=tuple(sweep for sweep, used in zip(self.sweeps, kept, strict=True) if used),
            channels=(self.channels[row],),
            montage_rows=(self.montage_rows[row],),
            uv=uv,
            raw_uv=self.raw_uv[row : row + 1, kept],
            stimulus_sample=stimulus,
            average_uv=average,
            average_stimulus=stimulus.mean(axis=-1),
            shifts_samples=shifts,
            cleaned=None if self.cleaned is None else self.cleaned.only(row, kept),
        )

    @property
    def count(self) -> int:
        """Number of sweeps that are evidence."""
        return len(self.sweeps)

    def time_ms(self, row: int) -> Floats:
        """Time axis of `average_uv[row]`, ms from the cathodal edge, the channel's delay taken off."""
        return np.asarray((np.arange(self.average_uv.shape[-1]) - self.average_stimulus[row]) * 1e3 / self.rate_hz)


def microvolts(recording: Recording, sweeps: tuple[Sweep, ...], channels: tuple[Channel, ...], length: int) -> Floats:
    """The first `length` samples of `channels` of `sweeps` in microvolts as recorded, (channel, sweep, time)."""
    if not sweeps:
        return np.empty((len(channels), 0, length))
    rows = [recording.montage.channels.index(c) for c in channels]
    device = tuple(c.index for c in channels)
    return np.stack([recording.calibration.to_microvolts(s.counts[rows, :length], device) for s in sweeps], axis=1)


def filtered(uv: Floats, rate_hz: float, parameters: Parameters) -> Floats:
    """Sweeps without their artefact, high-passed where the parameters ask for it."""
    if parameters.high_pass_hz <= 0:
        return uv
    return np.asarray(conditioning.high_pass(uv, rate_hz=rate_hz, corner_hz=parameters.high_pass_hz), dtype=np.float64)


def shocks_of(
    recording: Recording, sweeps: tuple[Sweep, ...], channels: tuple[Channel, ...], *, length: int | None = None
) -> Shocks:
    """`sweeps` for the artefact step, which comes before any filter; cut to `length`, or to the shortest of them."""
    shortest = min((int(s.counts.shape[-1]) for s in sweeps), default=0)
    return Shocks(
        uv=microvolts(recording, sweeps, channels, shortest if length is None else length),
        stimulus=stimulus_samples(recording, sweeps, channels),
        current_ma=np.array([s.stimulus.current_ma for s in sweeps]),
        clipped=np.array([[c.name in s.clipped for s in sweeps] for c in channels], dtype=bool).reshape(
            len(channels), len(sweeps)
        ),
    )


def stimulus_samples(recording: Recording, sweeps: tuple[Sweep, ...], channels: tuple[Channel, ...]) -> Floats:
    """Where each channel shows the cathodal edge: onset plus the channel's group delay, shape (channel, sweep)."""
    delay_ms = recording.calibration.delay_ms(tuple(c.index for c in channels))
    per_ms = np.array([s.rate_hz for s in sweeps]) / 1e3
    return np.asarray(delay_ms[:, None] * per_ms + np.array([s.onset for s in sweeps])[None, :])


def collect(
    recording: Recording, side: Side, site: Branch, parameters: Parameters, *, kind: str = CONDUCTION
) -> Series | None:
    """The series of one site of a conduction study (or steps of another `kind`), None where none gave a shock there.

    Where a site was done in more than one step the last step with accepted sweeps counts. Late responses, reflexes,
    trains and thresholds have tables of their own (`of_step`).
    """
    shocks = [s for s in recording.of(side, site) if recording.kind_of(s.step) == kind]
    if not shocks:
        return None
    accepted = [s for s in shocks if s.role is Role.ACCEPT]
    return of_step(recording, (accepted or shocks)[-1].step, parameters)


def of_step(
    recording: Recording, step: str, parameters: Parameters, *, channels: tuple[Channel, ...] | None = None
) -> Series:
    """The series of one step, which has shocks; `channels` are those of the stimulated side where none are named."""
    shocks = tuple(s for s in recording.sweeps if s.step == step)
    side, site = shocks[-1].stimulus.side, shocks[-1].stimulus.site
    used, set_aside = _evidence(tuple(s for s in shocks if s.role is Role.ACCEPT))
    if channels is None:
        channels = tuple(c for c in recording.montage.channels if c.side == side)
    tried = max(s.stimulus.current_ma for s in shocks)
    rate_hz = (used or shocks)[-1].rate_hz
    cleaned, how = None, None
    if used:
        given = shocks_of(recording, used, channels)
        cleaned, how = _cleaned(given, recording, used, shocks, channels, parameters)
        raw, stimulus = given.uv, given.stimulus
        uv = filtered(cleaned.uv, rate_hz, parameters)
        average, shifts = evoked.align(uv, rate_hz=rate_hz, stimulus_sample=stimulus, window_ms=parameters.window_ms)
    else:
        uv = raw = np.empty((len(channels), 0, 0))
        stimulus = average = shifts = np.empty((len(channels), 0))
    return Series(
        side=side,
        site=site,
        step=step,
        rate_hz=rate_hz,
        sweeps=used,
        channels=channels,
        montage_rows=tuple(recording.montage.channels.index(c) for c in channels),
        uv=uv,
        raw_uv=raw,
        stimulus_sample=stimulus,
        average_uv=average,
        average_stimulus=stimulus.mean(axis=-1) if used else np.full(len(channels), np.nan),
        shifts_samples=shifts,
        set_aside=set_aside,
        tried_ma=tried,
        cleaned=cleaned,
        cleaner=how,
    )


def _cleaned(
    given: Shocks,
    recording: Recording,
    used: tuple[Sweep, ...],
    shocks: tuple[Sweep, ...],
    channels: tuple[Channel, ...],
    parameters: Parameters,
) -> tuple[Cleaned, Cleaner]:
    """The accepted sweeps without their artefact, and how it was taken off with the help of the step's other shocks."""
    last = used[-1]
    search = tuple(
        s
        for s in shocks
        if s.role in (Role.SEARCH, Role.CONFIRM)
        and s.valid
        and s.rate_hz == last.rate_hz
        and s.stimulus.width_us == last.stimulus.width_us
        and s.report.trusted(s.stimulus.current_ma)
    )
    length = given.uv.shape[-1]
    search = tuple(s for s in search if s.counts.shape[-1] >= length)
    lower = shocks_of(recording, search, channels, length=length)
    how = cleaner(given, lower, rate_hz=last.rate_hz, width_us=last.stimulus.width_us, window_ms=parameters.window_ms)
    done = how.clean(given)
    found = doubts(given, done, how, search=lower, window_end_ms=parameters.window_end_ms)
    return replace(done, doubts=found), how


def _evidence(accepted: tuple[Sweep, ...]) -> tuple[tuple[Sweep, ...], dict[str, int]]:
    """The accepted sweeps that may be averaged together, and why the others may not."""
    aside: Counter[str] = Counter()
    kept = []
    for sweep in accepted:
        if not sweep.valid:
            aside.update([", ".join(sweep.reject_reasons)])
        elif bool(np.any(sweep.counts == MISSING)):
            aside.update(["samples are missing"])
        elif not sweep.report.trusted(sweep.stimulus.current_ma):
            aside.update(["delivered current not within 10 % of the requested"])
        else:
            kept.append(sweep)
    if kept:
        # A redone series may have used another current; the last one is the one the operator accepted.
        last = kept[-1]
        same = [s for s in kept if _alike(s, last)]
        if len(same) < len(kept):
            aside.update({"another current, width or rate than the last accepted sweep": len(kept) - len(same)})
        kept = same
    return tuple(kept), dict(aside)


def _alike(one: Sweep, other: Sweep) -> bool:
    return (
        abs(one.stimulus.current_ma - other.stimulus.current_ma) <= 0.01 * other.stimulus.current_ma
        and one.stimulus.width_us == other.stimulus.width_us
        and one.rate_hz == other.rate_hz
    )
