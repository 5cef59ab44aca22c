"""Published limits that a report may flag by; only those read in their source, never textbook memory."""

from dataclasses import dataclass

from npr_daq.anatomy import Branch, Muscle
from npr_daq.findings.rows import ConductionRow


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one quantity at one stimulation site and muscle; None is an open end."""

    branch: Branch
    muscle: Muscle
    quantity: str
    low: float | None
    high: float | None
    unit: str
    source: str

    def flag(self, row: ConductionRow) -> str | None:
        """The flag in words with its arrow, or None where the row keeps the limit or has no value."""
        value = getattr(row, self.quantity)
        if value is None or (row.branch, row.muscle) != (self.branch, self.muscle):
            return None
        if self.low is not None and value < self.low:
            return f"↓ {row.side} below {self.low:g} {self.unit}"
        if self.high is not None and value > self.high:
            return f"↑ {row.side} above {self.high:g} {self.unit}"
        return None

    @property
    def words(self) -> str:
        """The limit as it is printed in the table."""
        what = {"onset_latency_ms": "lat", "peak_to_peak_mv": "pp"}[self.quantity]
        if self.low is None:
            return f"{what} < {self.high:g} {self.unit}"
        if self.high is None:
            return f"{what} ≥ {self.low:g} {self.unit}"
        return f"{what} {self.low:g}–{self.high:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """A named set of adult limits; a laboratory puts its own in its place. Nothing is flagged below `from_age`."""

    name: str
    version: str
    from_age: int
    limits: tuple[Limit, ...]

    def of(self, branch: Branch, muscle: Muscle) -> tuple[Limit, ...]:
        """The limits of one row of the table."""
        return tuple(limit for limit in self.limits if (limit.branch, limit.muscle) == (branch, muscle))


_SILVA = "Silva 2010, n = 115"
_PARK = "Park 1981, range of sound sides"

PUBLISHED = ReferenceSet(
    name="published facial limits",
    version="1",
    from_age=16,
    limits=(
        Limit(Branch.TEMPORAL, Muscle.FRONTALIS, "onset_latency_ms", None, 3.9, "ms", _SILVA),
        # The source does not say which amplitude; the larger one is compared, so that a flag holds for both.
        Limit(Branch.TEMPORAL, Muscle.FRONTALIS, "peak_to_peak_mv", 0.4, None, "mV", _SILVA),
        Limit(Branch.TRUNK, Muscle.ORBICULARIS_OCULI, "onset_latency_ms", 2.0, 3.6, "ms", f"{_PARK}, n = 157"),
        Limit(Branch.TRUNK, Muscle.ORBICULARIS_ORIS, "onset_latency_ms", 2.2, 4.0, "ms", f"{_PARK}, n = 178"),
    ),
)
"""Clinical reference 3, tags [V]. Limits of the nasolabial montage are left out: this montage is another test."""
