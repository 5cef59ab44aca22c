"""A synthetic recording with a known truth: smooth compound responses, noise, a recruitment curve, both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_daq.calibration import MISSING, Calibration, ChannelCalibration, RangeCalibration
from npr_daq.montage import Montage, standard_montage
from npr_daq.recording import PulseReport, PulseResult, Recording, Role, Sweep
from npr_daq.stimulus import Stimulus

RATE_HZ = 20_000.0
BEFORE = 400
LENGTH = 2400
LSB_NV = 40e6 / 2**23
DELAY = 1.7
NEGATIVE_MS = 3.0
POSITIVE_MS = 3.6
POSITIVE = 0.6

LATENCY_MS = {
    Muscle.FRONTALIS: 3.2,
    Muscle.ORBICULARIS_OCULI: 2.7,
    Muscle.NASALIS: 3.15,
    Muscle.ZYGOMATICUS: 3.0,
    Muscle.ORBICULARIS_ORIS: 2.97,
    Muscle.DEPRESSOR_ANGULI_ORIS: 2.5,
    Muscle.MENTALIS: 2.4,
    Muscle.PLATYSMA: 2.8,
}


def shape(t_ms: np.ndarray) -> np.ndarray:
    """Negative peak 1 at 1.5 ms, then a positive phase of 0.6; zero before 0: rises as t squared."""
    u, w = t_ms / NEGATIVE_MS, (t_ms - NEGATIVE_MS) / POSITIVE_MS
    negative = np.where((u > 0) & (u < 1), np.sin(np.pi * u) ** 2, 0.0)
    return negative - POSITIVE * np.where((w > 0) & (w < 1), np.sin(np.pi * w) ** 2, 0.0)


@dataclass
class Face:
    """What is true: negative peak in mV of each muscle by side, thresholds, and what the recording suffers from."""

    negative_mv: Mapping[Muscle, float] = field(default_factory=lambda: dict.fromkeys(FACIAL_MUSCLES, 2.0))
    kept: Mapping[Branch, float] = field(default_factory=dict)
    """Share of each branch's response that the affected side has kept; 1 where not named."""
    affected: str = "left"
    sites: tuple[Branch, ...] = tuple(Branch)
    sides: tuple[Side, ...] = (Side.RIGHT, Side.LEFT)
    half_ma: float = 4.0
    slope_ma: float = 0.5
    currents_ma: Mapping[Side, tuple[float, ...]] = field(
        default_factory=lambda: dict.fromkeys(Side, (2.0, 3.0, 4.0, 5.0, 6.0, 7.2, 8.6, 10.4))
    )
    width_us: Mapping[Side, float] = field(default_factory=lambda: dict.fromkeys(Side, 200.0))
    accepted: int = 5
    noise_uv: float = 3.0
    hum_uv: float = 0.0
    positive_first: float = 0.0
    crosstalk: float = 0.02
    lateral_mv: float = 0.0
    delivered: float = 1.0
    subsamples: bool = True
    clipped: tuple[str, ...] = ()
    missing: bool = False
    header: Mapping[str, Any] = field(default_factory=dict)
    impedances: tuple[Mapping[str, Any], ...] = ()
    evidence: bool = True
    montage: Montage = field(default_factory=standard_montage)
    seed: int = 1

    def true_mv(self, side: Side, muscle: Muscle) -> float:
        """The negative peak of a muscle when every unit answers."""
        own = next(b for b in Branch if b is not Branch.TRUNK and muscle in SUPPLIES[b])
        return self.negative_mv[muscle] * (self.kept.get(own, 1.0) if side == self.affected else 1.0)

    def true_percent(self, muscle: Muscle) -> float:
        """Affected over healthy, percent."""
        side = Side(self.affected)
        return 100.0 * self.true_mv(side, muscle) / self.true_mv(side.other, muscle)

    def recording(self) -> Recording:
        """The exam as it would have been recorded."""
        rng = np.random.default_rng(self.seed)
        sweeps: list[Sweep] = []
        searches = {}
        number = 0
        for site in self.sites:
            for side in self.sides:
                number += 1
                step = f"{number:02d}_conduction_{site}_{side}"
                top = self.currents_ma[side][-1]
                shocks = [(c, Role.SEARCH) for c in self.currents_ma[side]] + [(top, Role.ACCEPT)] * self.accepted
                for current, role in shocks:
                    sweeps.append(self._sweep(rng, len(sweeps) + 1, step, side, site, current, role))
                if self.evidence:
                    searches[step] = self._evidence(side, site)
        header = {
            "exam_id": "0a1b2c3d-0000-4000-8000-000000000001",
            "subject": "P-0042",
            "affected": self.affected,
            "protocol": {"name": "conduction_extended", "title": "Extended", "version": "1", "text": ""},
            "device": {
                "driver": "frontend",
                "model": "Synthetic",
                "serial": "S1",
                "firmware": "1.0",
                "simulated": True,
                "verified": {"L1": "own simulator only", "L4": None},
            },
            "simulated": True,
            "software": {"npr-daq": "0.1.0"},
            "created": "2025-01-01T00:00:00Z",
            "operator": "E. X.",
            "intake": {
                "age_years": 40,
                "sex": "female",
                "cause": "Bell's palsy",
                "days_since_onset": 400,
                "skin_temperature_c": 33.5,
            },
        }
        return Recording(
            header=header | dict(self.header),
            montage=self.montage,
            calibration=calibration(),
            sweeps=tuple(sweeps),
            searches=searches,
            impedances=self.impedances,
        )

    def recruited(self, current_ma: float) -> float:
        return float(1.0 / (1.0 + np.exp(-(current_ma - self.half_ma) / self.slope_ma)))

    def _sweep(
        self, rng: np.random.Generator, n: int, step: str, side: Side, site: Branch, current: float, role: Role
    ) -> Sweep:
        subsample = float(rng.random()) if self.subsamples else 0.0
        t_ms = (np.arange(LENGTH) - BEFORE - subsample - DELAY) * 1e3 / RATE_HZ
        uv = rng.normal(0.0, self.noise_uv, (len(self.montage.channels), LENGTH))
        for row, channel in enumerate(self.montage.channels):
            if channel.side != side:
                continue
            supplied = channel.muscle in SUPPLIES[site]
            part = 1.0 if supplied else self.crosstalk
            size = part * self.true_mv(side, channel.muscle) * self.recruited(current)
            uv[row] -= size * 1e3 * shape(t_ms - LATENCY_MS[channel.muscle])
            if not supplied:
                uv[row] -= self.lateral_mv * 1e3 * shape((t_ms - 10.5) * 2.0)
            uv[row] += self.positive_first * size * 1e3 * shape((t_ms - 1.5) * 2.5)
        uv += self.hum_uv * np.sin(2 * np.pi * 50.0 * t_ms / 1e3)
        counts = np.rint(uv * 1e3 / LSB_NV).astype(np.int32)
        if self.missing and role is Role.ACCEPT:
            counts[:, 2000:2010] = MISSING
        measured = current * self.delivered
        report = PulseReport(
            stim_seq=n,
            pulse=0,
            onset_sample=1000 * n + BEFORE,
            subsample=subsample,
            commanded_ma=current,
            measured_ma=measured,
            width_us=self.width_us[side],
            charge_uc=measured * self.width_us[side] / 1e3,
            compliance_v=20.0,
            load_ohm=1500.0,
            result=PulseResult.OK,
        )
        return Sweep(
            n=n,
            step=step,
            role=role,
            stimulus=Stimulus(side, site, current, self.width_us[side]),
            stim_seq=n,
            boot_id=7,
            stream_id=1,
            rate_hz=RATE_HZ,
            first_sample=1000 * n,
            onset=BEFORE + subsample,
            counts=counts,
            report=report,
            why={"rule": "synthetic"},
            clipped=self.clipped if role is Role.ACCEPT else (),
        )

    def _evidence(self, side: Side, site: Branch) -> dict[str, Any]:
        currents = self.currents_ma[side]
        fractions = np.array([self.recruited(c) for c in currents])
        growth = 100 * (fractions[1:] / fractions[:-1] - 1)
        proved = bool(len(currents) >= 3 and abs(growth[-1]) < 5 and abs(growth[-2]) < 5)
        muscles = {
            str(m): {
                "currents_ma": list(currents),
                "peak_to_peak_mv": [self.true_mv(side, m) * (1 + POSITIVE) * f for f in fractions],
                "growth_percent": growth.tolist(),
                "proved": proved,
            }
            for m in SUPPLIES[site]
        }
        return {"proved": proved, "reason": "plateau" if proved else "cap", "muscles": muscles}


def calibration() -> Calibration:
    """Sixteen equal channels of the reference front-end."""
    return Calibration(
        serial="S1",
        version=1,
        unix_time=0,
        channels=tuple(ChannelCalibration(LSB_NV, 0.0, 0.0, DELAY, 1000) for _ in range(16)),
        ranges=(RangeCalibration(1.0, 0.0, 50_000, 0),),
        raw=b"synthetic",
    )
