"""Recordings of late responses, reflexes, trains and thresholds with a known truth, beside those of a `Face`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from npr_daq.anatomy import Muscle, Side, Site
from npr_daq.montage import standard_montage
from npr_daq.recording import PulseReport, PulseResult, Recording, Role, Sweep
from npr_daq.stimulus import Stimulus

synthetic: Any = None
"""Set by the fixture: the synthetic recording of the conduction tests."""

MONTAGE = standard_montage()
Waves = Mapping[tuple[Side, Muscle], np.ndarray]


@dataclass
class Shock:
    """One sweep: `waves` in microvolts on the time axis `times()`, ms from the stimulus."""

    current_ma: float = 10.0
    waves: Waves = field(default_factory=dict)
    role: Role = Role.ACCEPT
    why: Mapping[str, Any] = field(default_factory=dict)
    width_us: float = 200.0
    reject_reasons: tuple[str, ...] = ()


def times() -> np.ndarray:
    """Time of every sample in ms from the stimulus; no fraction of a sample, so that waves are where they say."""
    return (np.arange(synthetic.LENGTH) - synthetic.BEFORE - synthetic.DELAY) * 1e3 / synthetic.RATE_HZ


def direct(muscle: Muscle, mv: float, *, late_ms: float = 0.0) -> np.ndarray:
    """The compound response of a muscle, its negative peak `mv`."""
    return -1e3 * mv * synthetic.shape(times() - synthetic.LATENCY_MS[muscle] - late_ms)


def unit(at_ms: float, uv: float, *, narrow: float = 2.0) -> np.ndarray:
    """A small biphasic wave that begins at `at_ms`, its negative peak `uv`."""
    return -uv * synthetic.shape((times() - at_ms) * narrow)


def burst(rng: np.random.Generator, at_ms: float, uv: float, *, lasts_ms: float = 30.0) -> np.ndarray:
    """Interference of many units that begins at `at_ms`: noise of `uv` RMS, alike over 0.6 ms."""
    t = times()
    inside = (t > at_ms) & (t < at_ms + lasts_ms)
    kernel = np.hanning(25)
    made = np.convolve(rng.standard_normal(t.size), kernel / np.sqrt(np.square(kernel).sum()), mode="same")
    return np.where(inside, uv * made, 0.0)


def step(kind: str, side: Side, site: Site, shocks: Sequence[Shock], **settings: Any) -> dict[str, Any]:
    """A step as `recording` wants it: its entry in the header, and its shocks."""
    name = f"{kind}_{side}_{site}"
    record = {"name": name, "kind": kind, "side": str(side), "site": str(site), **settings}
    return {"record": record, "side": side, "site": site, "shocks": tuple(shocks)}


def recording(
    steps: Sequence[dict[str, Any]],
    *,
    affected: str = "left",
    searches: Mapping[str, Mapping[str, Any]] | None = None,
    noise_uv: float = 3.0,
    beside: Recording | None = None,
    spaced: int = 21_000,
    seed: int = 1,
) -> Recording:
    """The steps as recorded, each with a proved search unless `searches` says otherwise; `beside` adds its own."""
    rng = np.random.default_rng(seed)
    base = beside or synthetic.Face(sites=(), affected=affected).recording()
    sweeps: list[Sweep] = list(base.sweeps)
    for one in steps:
        for shock in one["shocks"]:
            sweeps.append(_sweep(rng, len(sweeps) + 1, one, shock, noise_uv, spaced))
    names = [one["record"]["name"] for one in steps]
    proved = {name: {"proved": True, "reason": "plateau"} for name in names}
    kinds = [one["record"] for one in steps]
    return replace(
        base,
        header={**base.header, "affected": affected, "steps": kinds},
        sweeps=tuple(sweeps),
        searches={**base.searches, **proved, **(searches or {})},
    )


def _sweep(rng: np.random.Generator, n: int, one: dict[str, Any], shock: Shock, noise_uv: float, spaced: int) -> Sweep:
    uv = rng.normal(0.0, noise_uv, (len(MONTAGE.channels), synthetic.LENGTH))
    for (side, muscle), wave in shock.waves.items():
        uv[MONTAGE.row(side, muscle)] += wave
    report = PulseReport(
        stim_seq=n,
        pulse=0,
        onset_sample=spaced * n + synthetic.BEFORE,
        subsample=0.0,
        commanded_ma=shock.current_ma,
        measured_ma=shock.current_ma,
        width_us=shock.width_us,
        charge_uc=shock.current_ma * shock.width_us / 1e3,
        compliance_v=20.0,
        load_ohm=1500.0,
        result=PulseResult.OK,
    )
    return Sweep(
        n=n,
        step=one["record"]["name"],
        role=shock.role,
        stimulus=Stimulus(one["side"], one["site"], shock.current_ma, shock.width_us),
        stim_seq=n,
        boot_id=7,
        stream_id=1,
        rate_hz=synthetic.RATE_HZ,
        first_sample=spaced * n,
        onset=float(synthetic.BEFORE),
        counts=np.rint(uv * 1e3 / synthetic.LSB_NV).astype(np.int32),
        report=report,
        why=shock.why,
        reject_reasons=shock.reject_reasons,
    )
