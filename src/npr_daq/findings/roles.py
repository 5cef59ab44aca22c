"""Which side plays the affected and which the healthy part where rest and movements are compared."""

from dataclasses import dataclass

from npr_daq.anatomy import Side
from npr_daq.findings.symmetry import compared_sides

NO_SIDE = "no side is affected: ratios are right over left"


@dataclass(frozen=True, slots=True)
class Roles:
    """The two sides in their order, `no_verdict` why nothing is decided, and `no_ratio` why nothing is divided.

    Both are None where one side is affected. Without an affected side, and with two, the left plays the healthy part,
    as when a protocol is planned.
    """

    affected: Side
    healthy: Side
    no_verdict: str | None = None
    no_ratio: str | None = None

    @classmethod
    def of(cls, affected: str) -> "Roles":
        """The roles in an exam whose header says `affected`."""
        if affected in (Side.LEFT, Side.RIGHT):
            return cls(Side(affected), Side(affected).other)
        if affected == "none":
            return cls(Side.RIGHT, Side.LEFT, no_verdict=NO_SIDE)
        why = str(compared_sides(affected))
        return cls(Side.RIGHT, Side.LEFT, no_verdict=why, no_ratio=why)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Affected first."""
        return self.affected, self.healthy
