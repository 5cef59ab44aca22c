"""Reference values as data: what was published of a quantity, of whom, by whom, and how sure we are of the number."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from npr_daq.anatomy import Branch, Muscle

ADULT_YEARS = 16
"""Adult limits are refused below this age (clinical reference 3) [proposal]."""

QUANTITIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # Columns of the conduction table.
        "onset_latency_ms": ("onset latency", "ms"),
        "peak_latency_ms": ("peak latency", "ms"),
        "peak_to_peak_mv": ("amplitude, peak to peak", "mV"),
        "negative_peak_mv": ("amplitude, negative peak", "mV"),
        "negative_area_mv_ms": ("negative area", "mV·ms"),
        "negative_duration_ms": ("negative duration", "ms"),
        # Both sides of one person.
        "latency_difference_ms": ("latency difference between the sides", "ms"),
        "side_difference_percent": ("amplitude difference between the sides, of the larger", "%"),
        # Other measures of the clinical reference.
        "latency_side_percent": ("latency difference between the sides", "%"),
        "velocity_m_s": ("conduction velocity", "m/s"),
        "velocity_side_percent": ("velocity difference between the sides", "%"),
        "test_error_percent": ("error of one test, electrodes placed anew", "%"),
        "threshold_ma": ("excitability threshold", "mA"),
        "threshold_difference_ma": ("threshold difference between the sides", "mA"),
        "f_minimum_ms": ("F wave, shortest latency", "ms"),
        "f_mean_ms": ("F wave, mean latency", "ms"),
        "f_maximum_ms": ("F wave, longest latency", "ms"),
        "f_chronodispersion_ms": ("F wave, chronodispersion", "ms"),
        "f_conduction_time_ms": ("F wave, conduction time", "ms"),
        "blink_direct_ms": ("direct response of the blink study", "ms"),
        "blink_r1_ms": ("blink reflex, R1", "ms"),
        "blink_r2_ms": ("blink reflex, R2", "ms"),
        "blink_r2c_ms": ("blink reflex, R2 of the other side", "ms"),
        "blink_r1_difference_ms": ("blink reflex, R1 difference between the sides", "ms"),
        "blink_r2_difference_ms": ("blink reflex, R2 difference between the sides", "ms"),
        "blink_r2c_difference_ms": ("blink reflex, R2c difference between the sides", "ms"),
        "blink_r1_over_direct": ("R1 over direct latency", ""),
        "decrement_percent": ("decrement at 3 Hz", "%"),
        "emg_smaller_over_larger_percent": ("voluntary EMG, smaller over larger side", "%"),
        "emg_asymmetry_percent": ("voluntary EMG, asymmetry index", "%"),
    }
)
"""Every quantity that a reference file may name: what it is in words, and its unit."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Norm(_Strict):
    """One published number: a limit (`low`, `high`) or a mean with its SD, of one quantity at one site and muscle.

    `evidence`: "V" read in its source, "T" textbook knowledge from memory, "D" derived from others by arithmetic.
    `shown_only` says why a number of evidence V is nevertheless never compared (another montage, another measure).
    Ages are years, `from_years` included, `below_years` not; without them the number is that of adults.
    """

    quantity: str
    branch: Branch | None = None
    muscle: Muscle | None = None
    site: Words | None = None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    sd: float | None = Field(None, gt=0)
    n: int | None = Field(None, ge=1)
    group: Words | None = None
    source: Words
    evidence: Literal["V", "T", "D"]
    shown_only: Words | None = None
    from_years: float | None = Field(None, ge=0, le=120)
    below_years: float | None = Field(None, gt=0, le=120)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"quantity:{self.quantity}")
        if self.low is None and self.high is None and self.mean is None:
            raise ValueError("a number needs low, high or mean")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        if self.sd is not None and self.mean is None:
            raise ValueError("an sd needs its mean")
        if self.from_years is not None and self.below_years is not None and self.from_years >= self.below_years:
            raise ValueError(f"from_years {self.from_years:g} is not below below_years {self.below_years:g}")
        return self

    @property
    def unit(self) -> str:
        """Unit of every number of it."""
        return QUANTITIES[self.quantity][1]

    @property
    def may_flag(self) -> bool:
        """Whether it may call a value abnormal: a limit that was read in its source, of this very test."""
        return self.evidence == "V" and self.shown_only is None and (self.low is not None or self.high is not None)

    @property
    def of_adults(self) -> bool:
        """Whether it names no age of its own."""
        return self.from_years is None and self.below_years is None

    def covers(self, age_years: float, *, adults_from: float) -> bool:
        """Whether it speaks of someone of that age."""
        if self.of_adults:
            return age_years >= adults_from
        return (self.from_years or 0.0) <= age_years < (self.below_years or float("inf"))


class Norms(_Strict):
    """A named set of reference values, adults from `adults_from_years`; a laboratory puts its own in its place."""

    name: Words
    version: Words
    adults_from_years: float = Field(ADULT_YEARS, ge=ADULT_YEARS, le=120)
    norm: tuple[Norm, ...] = Field(min_length=1)

    def of(self, quantity: str, branch: str | None, muscle: str | None) -> tuple[Norm, ...]:
        """The numbers of one quantity at one site and muscle, in the order of the file."""
        return tuple(one for one in self.norm if (one.quantity, one.branch, one.muscle) == (quantity, branch, muscle))

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, what was not given left out; `parse_norms` of it gives this set again."""
        return self.model_dump(mode="json", exclude_none=True)
