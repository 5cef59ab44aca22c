"""The rows of what movements and rest show: pairs of the synkinesis test, repetitions, tone, kinds of following."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sides:
    """One measure of the two sides; None: no answer."""

    affected: float | None = None
    healthy: float | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many repetitions were compared, of how many that were made."""

    accepted: int
    total: int


@dataclass(frozen=True, slots=True)
class SynkinesisRow:
    """One slave in one task (`analysis.synkinesis`, version in the provenance); None: no answer.

    `master` is the task's prime mover, `declared` says that a published cut-off applies, `cutoff` which. `q` is the
    side ratio of the slave (S3), a lower bound where `q_censored`; `normalised_q` its own-maximum-normalised twin (S5).
    By side: `gain` (S4), `correlation` at zero lag (S6), `peak_correlation` and `lag_ms` (S7, positive: the slave is
    later), `slope` by Deming regression (S8), `duration_ratio` and `overlap` (S9), `onset_difference_ms` (slave minus
    master), `coherence` in 15 to 30 Hz (S10; `coherence_limit` is its 95 % limit), `cocontraction` (S11),
    `coefficient` SC (S12): means of the repetitions that were compared. `affected_uv` and `healthy_uv` are the slave's
    mean plateaus with rest taken off (S1), `master_uv` the prime mover's (S2). `crosstalk` is the predictable share of
    the affected slave, `crosstalk_healthy` of the healthy one, `crosstalk_coefficient` that of branch stimulation of
    the same visit: what it explains is taken off before `q` is formed. `significant`: after Holm over all pairs.
    """

    task: str
    master: str
    slave: str
    declared: bool
    cutoff: float | None
    q: float | None
    q_ci95: Interval | None
    q_bca_ci95: Interval | None
    q_censored: bool
    normalised_q: float | None
    normalised_q_ci95: Interval | None
    gain: Sides
    gain_ratio: float | None
    gain_ratio_ci95: Interval | None
    correlation: Sides
    peak_correlation: Sides
    lag_ms: Sides
    slope: Sides
    duration_ratio: Sides
    overlap: Sides
    onset_difference_ms: Sides
    coherence: Sides
    coherence_limit: float | None
    cocontraction: Sides
    coefficient: Sides
    affected_uv: float | None
    healthy_uv: float | None
    difference_db: float | None
    master_uv: Sides
    crosstalk: float | None
    crosstalk_healthy: float | None
    crosstalk_coefficient: float | None
    significant: bool | None
    repetitions: Counted
    verdict: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SynkinesisIndexRow:
    """The index of an exam (`findings.synkinesis.Synkinesis`) as a row."""

    version: int
    index: float | None
    index_ci95: Interval | None
    index_pairs: int
    index_censored: int


@dataclass(frozen=True, slots=True)
class RepetitionRow:
    """One repetition of a task: when it was cued, whether it counts, and what was wrong with it, in words.

    `judged_by` is `at once` (while it was recorded), `analysis` or `technician`; "" where nothing is wrong.
    """

    step: str
    task: str
    repetition: int
    cue_s: float
    hold_s: float
    accepted: bool
    flaws: tuple[str, ...] = ()
    judged_by: str = ""


@dataclass(frozen=True, slots=True)
class ToneRow:
    """Resting activity of a muscle, RMS of 20 to 450 Hz with noise; `ratio` affected over healthy, second by second."""

    muscle: str
    affected_uv: float | None
    healthy_uv: float | None
    ratio: float | None
    ci95: Interval | None
    affected_ci95_uv: Interval | None
    healthy_ci95_uv: Interval | None
    seconds: int
    left_out: Sides
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FollowingRow:
    """What each test saw of one muscle (`slave`) that answers for another (`master`); measurements, never a mechanism.

    `voluntary_*`: the pair of the Synkinetic Correlation Test in `task`. `reflex_*`: `synkinetic` response of the slave
    to the supraorbital nerve, where the master is the orbicularis oculi: its verdict, R1 latency (ms) and R1 size (uV)
    by side. `early_percent` and `late_percent`: what is left in the slave of the response to the master's own branch,
    in percent of the slave's own direct response (spread matrix), by side; `late_verdict` the lateral spread on the
    affected side. None, or "" for a verdict: not tested.
    """

    master: str
    slave: str
    task: str
    voluntary_q: float | None = None
    voluntary_ci95: Interval | None = None
    voluntary_correlation: Sides = Sides()
    voluntary_verdict: str = ""
    reflex_verdict: str = ""
    reflex_latency_ms: Sides = Sides()
    reflex_uv: Sides = Sides()
    early_percent: Sides = Sides()
    late_percent: Sides = Sides()
    late_verdict: str = ""


MAIN: MappingProxyType[type[Any], tuple[str, ...]] = MappingProxyType(
    {
        SynkinesisRow: (
            "task", "slave", "q", "q_ci95_low", "q_ci95_high", "q_censored", "normalised_q", "verdict",
            "repetitions_accepted",
        ),
        SynkinesisIndexRow: ("index", "index_ci95_low", "index_ci95_high", "index_pairs", "index_censored"),
        RepetitionRow: ("task", "repetition", "cue_s", "accepted", "flaws"),
        ToneRow: ("muscle", "affected_uv", "healthy_uv", "ratio", "ci95_low", "ci95_high"),
        FollowingRow: ("master", "slave", "voluntary_q", "voluntary_verdict", "reflex_verdict", "late_verdict"),
    }
)  # fmt: skip

_RATIOS = (
    "cutoff", "q", "q_ci95_low", "q_ci95_high", "q_bca_ci95_low", "q_bca_ci95_high", "normalised_q",
    "normalised_q_ci95_low", "normalised_q_ci95_high", "gain_ratio", "gain_ratio_ci95_low", "gain_ratio_ci95_high",
    "coherence_limit", "crosstalk", "crosstalk_healthy", "crosstalk_coefficient", "ratio", "ci95_low", "ci95_high",
    "voluntary_q", "voluntary_ci95_low", "voluntary_ci95_high", "index", "index_ci95_low", "index_ci95_high",
    "index_pairs", "index_censored", "repetition", "repetitions_accepted", "repetitions_total",
)  # fmt: skip
_BOTH_SIDES = (
    ("master_uv", "uV"), ("gain", "1"), ("correlation", "1"), ("peak_correlation", "1"), ("lag_ms", "ms"),
    ("slope", "1"),
    ("duration_ratio", "1"), ("overlap", "1"), ("onset_difference_ms", "ms"), ("coherence", "1"),
    ("cocontraction", "1"), ("coefficient", "1"), ("left_out", "1"), ("voluntary_correlation", "1"),
    ("reflex_latency_ms", "ms"), ("reflex_uv", "uV"), ("early_percent", "%"), ("late_percent", "%"),
)  # fmt: skip
UNITS: MappingProxyType[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_RATIOS, "1"),
        **{f"{name}_{side}": unit for name, unit in _BOTH_SIDES for side in ("affected", "healthy")},
        **dict.fromkeys(("affected_uv", "healthy_uv"), "uV"),
        **{f"{side}_ci95_uv_{end}": "uV" for side in ("affected", "healthy") for end in ("low", "high")},
        "difference_db": "dB",
        "seconds": "s",
        "cue_s": "s",
        "hold_s": "s",
    }
)
