"""The rows of what is not direct conduction: late responses, reflexes, trains, excitability, the spread matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from npr_daq.findings.rows import Quality

F_WAVE = "F wave"
LATERAL_SPREAD = "lateral spread"
PRESENT, ABSENT, TOO_FEW = "present", "absent", "too few sweeps"


@dataclass(frozen=True, slots=True)
class LateRow:
    """The late window of one muscle while one branch is stimulated; None: no answer.

    `response` is `F wave` where the branch supplies the muscle, `lateral spread` elsewhere. Latencies are take-offs
    over the sweeps that show the response, `conduction_time_ms` is (F minimum - M - 1) / 2 with M the onset of the
    direct response of the same sweeps, `amplitude_uv` peak to peak (F wave: mean of the sweeps that show it; lateral
    spread: of the mean of all sweeps), `direct_mv` the size of the muscle in the early window, `noise_uv` the SD
    without a response. `verdict`: for F waves present (in two sweeps or more), absent or too few sweeps; for others a
    word of `analysis.lateral_spread.Verdict`. `reasons` says what limits the row.
    """

    side: str
    stimulated: str
    recorded: str
    response: str
    current_ma: float | None
    sweeps: int
    minimum_ms: float | None = None
    mean_ms: float | None = None
    maximum_ms: float | None = None
    chronodispersion_ms: float | None = None
    persistence_percent: float | None = None
    f_over_m_percent: float | None = None
    conduction_time_ms: float | None = None
    amplitude_uv: float | None = None
    latency_sd_ms: float | None = None
    direct_mv: float | None = None
    noise_uv: float | None = None
    verdict: str = TOO_FEW
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReflexRow:
    """The blink reflex in one muscle of one side (`side`) while the supraorbital nerve of `stimulated` is stimulated.

    `response` is `R1, R2` in the orbicularis oculi of the stimulated side, `R2c` in that of the other side (its R2
    columns hold R2c), `synkinetic` in every other muscle, where `verdict` says whether there is a response of its own.
    R1 is counted on the stimulated side alone, and where the mean of the sweeps has its beginning.
    Shares are of the sweeps; areas are rectified, the noise's taken off. `r1_over_direct` is R1 over the direct latency
    of the same eye at its own branch, or else at the trunk, where the exam has an accepted one.
    """

    stimulated: str
    side: str
    muscle: str
    current_ma: float | None
    sweeps: int
    response: str
    r1_latency_ms: float | None = None
    r1_latency_sd_ms: float | None = None
    r1_uv: float | None = None
    r1_share_percent: float | None = None
    r2_latency_ms: float | None = None
    r2_latency_sd_ms: float | None = None
    r2_area_uv_ms: float | None = None
    r2_duration_ms: float | None = None
    r2_share_percent: float | None = None
    r1_over_direct: float | None = None
    verdict: str = TOO_FEW
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainRow:
    """One train of shocks in one muscle; decrements are positive where the response shrinks.

    `decrement_percent` is by `definition`, on peak-to-peak amplitudes; `lowest_percent` takes the lowest of responses 2
    to 5 instead (more sensitive, biased towards a decrement in noise). The area is stated and never decides (clinical
    reference 4.4). `rate_hz` is that of the shocks as recorded, `train` counts from 1. `amplitudes_mv`: every response
    of the train, None for one that was lost.
    """

    side: str
    site: str
    muscle: str
    train: int
    rate_hz: float | None
    count: int
    current_ma: float | None
    first_mv: float | None
    decrement_percent: float | None
    definition: str
    lowest_percent: float | None
    area_decrement_percent: float | None
    amplitudes_mv: tuple[float | None, ...]
    quality: Quality


@dataclass(frozen=True, slots=True)
class ExcitabilityRow:
    """The lowest current that a muscle answers, at one pulse width; `low_ma` to `high_ma` bracket it.

    `shocks` counts all of that width, `reversals` how often their current changed direction. `difference_ma` is
    affected minus healthy, on the row of the affected side. `verdict`: present (a threshold), absent (no response up to
    the highest current, or by the operator's word) or undetermined (broken off or put aside).
    """

    side: str
    site: str
    muscle: str
    width_us: float
    threshold_ma: float | None
    low_ma: float | None
    high_ma: float | None
    shocks: int
    reversals: int
    difference_ma: float | None = None
    verdict: str = ABSENT
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpreadMatrixRow:
    """One muscle at one branch in the early or late window, in percent of its direct response to its own branch.

    `side` is `left`, `right` or `difference`: affected minus healthy, in percentage points, of what is left after
    volume conduction (`remainder_percent`). `own`: the branch supplies the muscle. `copied_percent` is the share of the
    energy that copies of the supplied muscles explain at zero lag. `growth_mv_per_ma`: what still grows beyond the
    plateau of the branch's own muscle, which is current spread (early rows). `verdict`: what the row shows, in words;
    `reasons`: why a value is missing or what limits it.
    """

    side: str
    stimulated: str
    recorded: str
    window: str
    own: bool
    as_recorded_mv: float | None = None
    percent: float | None = None
    ci95_percent: tuple[float, float] | None = None
    copied_percent: float | None = None
    remainder_percent: float | None = None
    remainder_ci95_percent: tuple[float, float] | None = None
    growth_mv_per_ma: float | None = None
    growth_ci95_mv_per_ma: tuple[float, float] | None = None
    verdict: str = ""
    reasons: tuple[str, ...] = ()


_OF = {
    "ms": "minimum_ms mean_ms maximum_ms chronodispersion_ms conduction_time_ms latency_sd_ms r1_latency_ms "
    "r1_latency_sd_ms r2_latency_ms r2_latency_sd_ms r2_duration_ms",
    "%": "persistence_percent f_over_m_percent r1_share_percent r2_share_percent decrement_percent lowest_percent "
    "area_decrement_percent copied_percent remainder_percent remainder_ci95_percent_low remainder_ci95_percent_high",
    "uV": "amplitude_uv noise_uv r1_uv",
    "uV.ms": "r2_area_uv_ms",
    "mV": "direct_mv first_mv as_recorded_mv",
    "mA": "threshold_ma low_ma high_ma difference_ma",
    "mV/mA": "growth_mv_per_ma growth_ci95_mv_per_ma_low growth_ci95_mv_per_ma_high",
    "Hz": "rate_hz",
    "1": "train count shocks reversals r1_over_direct",
}

UNITS: Mapping[str, str] = MappingProxyType({name: unit for unit, names in _OF.items() for name in names.split()})
"""Unit of each numeric column that the other tables do not have, in UCUM spelling."""

MAIN: Mapping[type[Any], tuple[str, ...]] = {
    LateRow: ("side", "stimulated", "recorded", "response", "verdict", "minimum_ms", "mean_ms", "persistence_percent",
              "amplitude_uv", "sweeps"),
    ReflexRow: ("stimulated", "side", "muscle", "response", "verdict", "r1_latency_ms", "r2_latency_ms",
                "r2_area_uv_ms", "sweeps"),
    TrainRow: ("side", "site", "muscle", "train", "rate_hz", "count", "first_mv", "decrement_percent",
               "lowest_percent", "quality_accepted"),
    ExcitabilityRow: ("side", "site", "muscle", "width_us", "threshold_ma", "low_ma", "difference_ma", "verdict"),
    SpreadMatrixRow: ("side", "stimulated", "recorded", "window", "own", "percent", "remainder_percent",
                      "remainder_ci95_percent_low", "remainder_ci95_percent_high", "growth_mv_per_ma", "verdict"),
}  # fmt: skip
"""The columns of each kind of row that a table prints."""
