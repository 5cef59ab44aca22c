"""Rest and movements laid end to end: every continuous capture of an exam on one timeline, in microvolts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle
from npr_daq.calibration import MISSING, Calibration
from npr_daq.engine.contact import COUNT_LIMIT, stuck
from npr_daq.findings.placed import settings_of
from npr_daq.findings.roles import Roles
from npr_daq.recording import Capture, Recording

REST, MOVEMENT = "rest", "movement"
PAD_S = 0.5
"""Nothing between two captures, so that no window of one reaches into the next."""
LEAST_SAMPLES_S = 0.2


@dataclass(frozen=True, slots=True)
class Placed:
    """One capture, and where its first sample lies on the timeline (`begin_s`); `missing` samples never arrived."""

    name: str
    step: str
    kind: str
    task: str
    stream_id: int
    first_sample: int
    samples: int
    missing: int
    rate_hz: float
    begin_s: float

    def at_s(self, sample: int) -> float:
        """Where a sample of the stream's clock lies on the timeline, in seconds."""
        return self.begin_s + self.inside_s(sample)

    def inside_s(self, sample: int) -> float:
        """Seconds from the first sample of the capture."""
        return (sample - self.first_sample) / self.rate_hz

    def covers(self, first: int, last: int) -> bool:
        """Whether [first, last) of the stream's clock lies in the capture."""
        return self.first_sample <= first < last <= self.first_sample + self.samples


@dataclass(frozen=True, slots=True, eq=False)
class Continuous:
    """Everything that was recorded without stimuli: `emg_uv` (2, muscle, time), float32, affected side first.

    NaN where samples are missing, where a channel is stuck on one count, between captures, and in rows that were not
    recorded (`recorded` (2, muscle)). `aside` says in words which captures, or channels of them, could not be used.
    """

    emg_uv: NDArray[np.float32]
    rate_hz: float
    roles: Roles
    muscles: tuple[Muscle, ...]
    recorded: NDArray[np.bool_]
    captures: tuple[Placed, ...]
    aside: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks of the movements in the order in which they were first recorded."""
        return tuple(dict.fromkeys(c.task for c in self.captures if c.kind == MOVEMENT))

    def lacking(self, muscle: Muscle) -> tuple[str, ...]:
        """The sides, in words, on which `muscle` is not recorded."""
        column = self.muscles.index(muscle)
        return tuple(str(side) for side, has in zip(self.roles.sides, self.recorded[:, column], strict=True) if not has)

    def holed(self, muscle: int, span_s: tuple[float, float]) -> bool:
        """Whether samples of a muscle's row are missing in a stretch of the timeline, on either side."""
        first, last = (round(at * self.rate_hz) for at in span_s)
        return bool(np.isnan(self.emg_uv[:, muscle, first:last]).any())


def continuous_captures(recording: Recording) -> list[tuple[Capture, str]]:
    """The captures of rest and movements with their kinds, in the order in which they were made."""
    kinds = ((c, recording.kind_of(c.step)) for c in recording.captures)
    return [(c, kind) for c, kind in kinds if kind in (REST, MOVEMENT)]


def lay_out(recording: Recording, muscles: Sequence[Muscle]) -> Continuous:
    """The captures of rest and movements in the order in which they were made, for `muscles`, recorded or not.

    A capture of another rate than the first, or of other channels than the montage, is left out and told.
    """
    channels = recording.montage.channels
    found = continuous_captures(recording)
    rate_hz = next((c.rate_hz for c, _ in found), 0.0)
    kept, aside = [], []
    for capture, kind in found:
        why = _unfit(capture, len(channels), rate_hz)
        if why is None:
            kept.append((capture, kind))
        else:
            aside.append(f"the recording {capture.name} is not used: {why}")
    pad = round(PAD_S * rate_hz)
    total = sum(c.counts.shape[1] + pad for c, _ in kept)
    roles = Roles.of(str(recording.header.get("affected")))
    emg_uv = np.full((2, len(muscles), total), np.nan, dtype=np.float32)
    places = [
        (channels.index(c), roles.sides.index(c.side), muscles.index(c.muscle)) for c in channels if c.muscle in muscles
    ]
    recorded = np.zeros(emg_uv.shape[:2], dtype=bool)
    for _, side, muscle in places:
        recorded[side, muscle] = True
    device = tuple(c.index for c in channels)
    placed, column = [], 0
    for capture, kind in kept:
        n = capture.counts.shape[1]
        uv = recording.calibration.to_microvolts(capture.counts, device)
        held = stuck(capture.counts, rate_hz)
        uv = np.where(held, np.nan, uv)
        aside += [
            f"{capture.name}: {channels[row].name} repeats one value for {held[row].sum() / rate_hz:.1f} s of "
            f"{n / rate_hz:.1f} s and is left out there; check the electrode and the amplifier"
            for row in np.flatnonzero(held.any(axis=-1))
        ]
        for row, side, muscle in places:
            emg_uv[side, muscle, column : column + n] = uv[row]
        placed.append(
            Placed(
                name=capture.name,
                step=capture.step,
                kind=kind,
                task=str(settings_of(recording, capture.step).get("task", "")),
                stream_id=capture.stream_id,
                first_sample=capture.first_sample,
                samples=n,
                missing=int((capture.counts == MISSING).any(axis=0).sum()),
                rate_hz=capture.rate_hz,
                begin_s=column / rate_hz,
            )
        )
        column += n + pad
    return Continuous(emg_uv, rate_hz, roles, tuple(muscles), recorded, tuple(placed), tuple(aside))


def _unfit(capture: Capture, channels: int, rate_hz: float) -> str | None:
    if capture.counts.ndim != 2 or len(capture.counts) != channels:
        return f"it has the shape {capture.counts.shape}, the montage has {channels} channels"
    if capture.rate_hz != rate_hz or not rate_hz > 0:
        return f"it was sampled at {capture.rate_hz:g} Hz, the others at {rate_hz:g} Hz"
    if capture.counts.shape[1] < LEAST_SAMPLES_S * rate_hz:
        return f"it is {capture.counts.shape[1] / rate_hz:.2g} s long, under {LEAST_SAMPLES_S:g} s"
    return None


def rail_uv(calibration: Calibration, device: tuple[int, ...]) -> float | None:
    """What no channel of `device` can exceed without its input being at its limit; None where that is not known."""
    highest = calibration.lsb_uv(device) * COUNT_LIMIT - np.abs(calibration.offset_uv(device))
    least = float(highest.min(initial=np.inf))
    return least if np.isfinite(least) and least > 0 else None


def account(placed: Sequence[Placed]) -> list[Mapping[str, Any]]:
    """What the quality of an exam says of its continuous captures: how long they are and what is missing of them."""
    return [
        {
            "name": c.name,
            "kind": c.kind,
            "seconds": c.samples / c.rate_hz,
            "missing_s": c.missing / c.rate_hz,
            "missing_percent": 100.0 * c.missing / c.samples,
        }
        for c in placed
    ]


def gap_words(placed: Sequence[Placed]) -> list[str]:
    """A sentence for every capture that lacks samples."""
    return [
        f"{c.name}: {c.missing / c.rate_hz:.2f} s of {c.samples / c.rate_hz:.1f} s "
        f"({100.0 * c.missing / c.samples:.1f} %) never arrived and are left out"
        for c in placed
        if c.missing
    ]
