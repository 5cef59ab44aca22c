"""The rows of the findings' tables: one frozen dataclass per table, units in the field names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_ELICITED = "not elicited"
"""Beginning of the reason that says: looked for, and nothing came back."""
OPERATORS_WORD = f"{NOT_ELICITED}: no response by the operator's word"
"""Beginning of the reason that says so because the operator did, whatever the sweeps hold."""
CONTRADICTION = "contradiction: "
"""Beginning of a reason in which the sweeps speak against the operator's word."""
NOT_COMPLETED = "not completed: "
"""Beginning of the reason of a series that was left before it had enough sweeps: no failure of the technique."""

UNPROVED = "not proved supramaximal"
"""Beginning of the reason of a response that may still have grown with current."""

NOISE_LIMITED = "noise-limited"
"""Beginning of the reason that says that a ratio's interval had to be widened (clinical reference 2.3)."""


@dataclass(frozen=True, slots=True)
class Supramaximal:
    """Whether a response had stopped growing with current, and what shows it (`evidence` is JSON-safe)."""

    proved: bool
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quality:
    """Whether the amplitude of a row may be used, and every gate that failed or that limits the row."""

    accepted: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Artefact:
    """How the stimulus artefact was taken off the sweeps of a row, and what is left of it on the silent gap.

    `method` is `template`, `bi_exponential`, `none` (there was none to take off) or `saturated` (the amplifier was at
    its limit, nothing was taken off); "" where nothing was tried. `residual_uv` is what the gap holds after it, RMS,
    `noise_uv` the noise that it would hold without an artefact; `proved`: the first is at most twice the second.
    """

    method: str = ""
    residual_uv: float | None = None
    noise_uv: float | None = None
    proved: bool | None = None


@dataclass(frozen=True, slots=True)
class ConductionRow:
    """One muscle at one stimulation site of one side, from the aligned average of the accepted sweeps.

    `current_ma` is the requested current of the accepted sweeps. Amplitudes are magnitudes. None: no answer. `edited`
    has an entry for every column that a marker moved by hand has changed: `from`, `to`, `markers`, `entries`.

    `onset_ci95_ms` is the interval of the onset from the scatter of at least 5 sweeps. The onset by other definitions
    (their names: `provenance["definitions"]`) is for a human to compare; `disagreement` asks for one: the onset lies
    elsewhere than the 10 % crossing says. `polyphasic`: 5 phases or more.
    """

    side: str
    branch: str
    muscle: str
    site: str
    current_ma: float | None
    width_us: float | None
    sweeps: int
    onset_latency_ms: float | None
    peak_latency_ms: float | None
    negative_peak_mv: float | None
    peak_to_peak_mv: float | None
    negative_area_mv_ms: float | None
    negative_duration_ms: float | None
    supramaximal: Supramaximal
    quality: Quality
    edited: Mapping[str, Any] = field(default_factory=dict)
    onset_ci95_ms: tuple[float, float] | None = None
    ten_percent_ms: float | None = None
    three_sd_back_ms: float | None = None
    tangent_ms: float | None = None
    disagreement: bool = False
    phases: int | None = None
    polyphasic: bool = False
    artefact: Artefact = Artefact()


@dataclass(frozen=True, slots=True)
class SymmetryRow:
    """Affected over healthy peak-to-peak amplitude of one branch and muscle; `withheld` says why there is none.

    `edited` as in a conduction row. `asymmetry_index` is 100 (H - A) / (H + A): positive where the affected side is
    the smaller. Latency, and area with duration, have reasons of their own in `latency_withheld`, `area_withheld`.
    `preferred` is `area` where the negative durations differ by more than 15 %, `amplitude` otherwise, None without a
    ratio (clinical reference 2.3).
    """

    branch: str
    muscle: str
    percent: float | None
    ci95_percent: tuple[float, float] | None
    loss_percent: float | None
    latency_difference_ms: float | None
    withheld: str | None
    edited: Mapping[str, Any] = field(default_factory=dict)
    asymmetry_index: float | None = None
    latency_withheld: str | None = None
    area_percent: float | None = None
    area_ci95_percent: tuple[float, float] | None = None
    duration_percent: float | None = None
    area_withheld: str | None = None
    preferred: str | None = None


@dataclass(frozen=True, slots=True)
class SpreadRow:
    """A muscle that the stimulated branch does not supply, in percent of its answer at its own branch or the trunk."""

    side: str
    stimulated: str
    recorded: str
    percent: float | None
    early_mv: float | None
    late_mv: float | None
    late_latency_ms: float | None
    lateral_spread: bool | None


@dataclass(frozen=True, slots=True)
class DoseRow:
    """What one site has had; `requested_vs_delivered` is delivered over requested current."""

    side: str
    site: str
    pulses: int
    charge_uc: float
    peak_ma: float
    energy_mj: float
    requested_vs_delivered: float | None


UNITS: Mapping[str, str] = {
    "current_ma": "mA",
    "width_us": "us",
    "sweeps": "1",
    "pulses": "1",
    "onset_latency_ms": "ms",
    "peak_latency_ms": "ms",
    "late_latency_ms": "ms",
    "onset_ci95_ms_low": "ms",
    "onset_ci95_ms_high": "ms",
    "ten_percent_ms": "ms",
    "three_sd_back_ms": "ms",
    "tangent_ms": "ms",
    "phases": "1",
    "artefact_residual_uv": "uV",
    "artefact_noise_uv": "uV",
    "latency_difference_ms": "ms",
    "negative_duration_ms": "ms",
    "negative_peak_mv": "mV",
    "peak_to_peak_mv": "mV",
    "early_mv": "mV",
    "late_mv": "mV",
    "negative_area_mv_ms": "mV.ms",
    "percent": "%",
    "loss_percent": "%",
    "ci95_percent_low": "%",
    "ci95_percent_high": "%",
    "asymmetry_index": "%",
    "area_percent": "%",
    "area_ci95_percent_low": "%",
    "area_ci95_percent_high": "%",
    "duration_percent": "%",
    "charge_uc": "uC",
    "peak_ma": "mA",
    "energy_mj": "mJ",
    "requested_vs_delivered": "1",
    "lateral_spread": "1",
}
"""Unit of each numeric column, in UCUM spelling."""

MAIN: Mapping[type[Any], tuple[str, ...]] = {
    ConductionRow: (
        "side", "branch", "muscle", "peak_to_peak_mv", "onset_latency_ms", "current_ma",
        "sweeps", "supramaximal_proved", "quality_accepted",
    ),
    SymmetryRow: (
        "branch", "muscle", "percent", "ci95_percent_low", "ci95_percent_high", "loss_percent",
        "latency_difference_ms", "withheld",
    ),
    SpreadRow: (
        "side", "stimulated", "recorded", "percent", "early_mv", "late_mv", "late_latency_ms", "lateral_spread",
    ),
    DoseRow: ("side", "site", "pulses", "peak_ma", "charge_uc", "energy_mj", "requested_vs_delivered"),
}  # fmt: skip
"""The columns of each kind of row that a table prints, and that come first in a frame."""
