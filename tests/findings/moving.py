"""Continuous recordings with known plateaus: rest, expressions, gaps, and the events that go with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import signal

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.calibration import MISSING, Calibration
from npr_daq.montage import Montage, standard_montage
from npr_daq.recording import Capture, Event, Recording

RATE_HZ = 2000.0
LEAD_S, HOLD_S, REST_S = 2.0, 1.5, 3.0
BAND = signal.butter(2, (80, 250), "bandpass", fs=RATE_HZ, output="sos")

EYE, MOUTH, ZYGOMATICUS, BROW = (
    Muscle.ORBICULARIS_OCULI,
    Muscle.ORBICULARIS_ORIS,
    Muscle.ZYGOMATICUS,
    Muscle.FRONTALIS,
)
LEVELS: Mapping[str, Mapping[Muscle, tuple[float, float]]] = {
    "close_eyes_tightly": {EYE: (40, 40), MOUTH: (15, 5), ZYGOMATICUS: (4, 4)},
    "smile_open": {ZYGOMATICUS: (50, 50), EYE: (4, 4), MOUTH: (10, 10)},
    "pucker": {MOUTH: (50, 50), EYE: (4, 4)},
    "wrinkle_forehead": {BROW: (50, 50)},
}
"""Plateaus in uV, affected and healthy side; the mouth follows the eye on the affected side, threefold."""


@dataclass
class Moving:
    """What the face does; `flaws` of repetitions at once and `marked` ones by (task, number), `gaps_s` by capture."""

    levels: Mapping[str, Mapping[Muscle, tuple[float, float]]] = field(default_factory=lambda: LEVELS)
    affected: str = "left"
    muscles: tuple[Muscle, ...] = FACIAL_MUSCLES
    without: tuple[str, ...] = ()
    repetitions: int = 4
    rest_s: float = 10.0
    tone: Mapping[Muscle, float] = field(default_factory=dict)
    flaws: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    marked: Mapping[tuple[str, int], str] = field(default_factory=dict)
    gaps_s: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    seed: int = 1

    def montage(self) -> Montage:
        whole = standard_montage(self.muscles)
        return replace(whole, channels=tuple(c for c in whole.channels if c.name not in self.without))

    def recording(self, calibration: Calibration, header: Mapping[str, Any]) -> Recording:
        """The exam as it would have been recorded."""
        rng, montage = np.random.default_rng(self.seed), self.montage()
        steps: list[dict[str, Any]] = []
        captures: list[Capture] = []
        events: list[Event] = []
        if self.rest_s:
            steps.append({"name": "01_rest", "kind": "rest", "seconds": self.rest_s})
            captures.append(self._capture(rng, montage, calibration, "01_rest", self.rest_s, {}, 0))
            last = captures[-1].first_sample + round(self.rest_s * RATE_HZ)
            detail = {"step": "01_rest", "capture": "01_rest", "first_sample": 1000, "last_sample": last}
            events.append(Event("rest", "", detail=detail | {"missing_samples": 0}))
        for number, (task, levels) in enumerate(self.levels.items(), start=2):
            name = f"{number:02d}_movement_{task}"
            steps.append({"name": name, "kind": "movement", "task": task, "hold_s": HOLD_S, "rest_s": REST_S})
            length = LEAD_S + self.repetitions * (HOLD_S + REST_S)
            first = 100_000 * number
            captures.append(self._capture(rng, montage, calibration, name, length, levels, first))
            for repetition in range(1, self.repetitions + 1):
                events += self._events(name, task, repetition, first)
        return Recording(
            header={"affected": self.affected, "steps": steps} | dict(header),
            montage=montage,
            calibration=calibration,
            captures=tuple(captures),
            events=tuple(events),
        )

    def _events(self, name: str, task: str, repetition: int, first: int) -> list[Event]:
        cue = first + round((LEAD_S + (repetition - 1) * (HOLD_S + REST_S)) * RATE_HZ)
        flaws = self.flaws.get((task, repetition), ())
        said = {"step": name, "capture": name, "repetition": repetition}
        more = {"task": task, "stream_id": 1, "cue_sample": cue, "release_sample": cue + round(HOLD_S * RATE_HZ)}
        events = [Event("repetition", "", detail=said | more | {"accepted": not flaws, "flaws": list(flaws)})]
        if (task, repetition) in self.marked:
            reason = {"reason": self.marked[task, repetition]}
            events.append(Event("repetition marked", "", detail=said | reason))
        return events

    def _capture(
        self,
        rng: np.random.Generator,
        montage: Montage,
        calibration: Calibration,
        name: str,
        length_s: float,
        levels: Mapping[Muscle, tuple[float, float]],
        first: int,
    ) -> Capture:
        n = round(length_s * RATE_HZ)
        carrier = 2.46 * signal.sosfilt(BAND, rng.standard_normal((2, len(montage.channels), n)), axis=-1)
        begins = LEAD_S + np.arange(self.repetitions) * (HOLD_S + REST_S) + 0.2
        t = np.arange(n) / RATE_HZ
        shapes = np.clip(np.minimum(t - begins[:, None], begins[:, None] + HOLD_S - t) / 0.05 + 0.5, 0, 1)
        uv = 1.5 * carrier[1]
        for row, channel in enumerate(montage.channels):
            role = 0 if channel.side == (self.affected if self.affected in set(Side) else Side.RIGHT) else 1
            size = levels.get(channel.muscle, (0.0, 0.0))[role]
            strength = size * np.exp(rng.normal(0, 0.06, self.repetitions))
            uv[row] *= self.tone.get(channel.muscle, 1.0) if role == 0 else 1.0
            uv[row] += strength @ shapes * carrier[0, row]
        lsb = calibration.lsb_uv(tuple(c.index for c in montage.channels))
        counts = np.rint(uv / lsb[:, None]).astype(np.int32)
        if name in self.gaps_s:
            a, b = (round(at * RATE_HZ) for at in self.gaps_s[name])
            counts[:, a:b] = MISSING
        return Capture(name, name, 1, RATE_HZ, first, counts)
