"""The hand that holds the stimulator: where, how well, and how long ago the last shock was."""

from dataclasses import dataclass, replace
from math import inf

from npr_daq.anatomy import Side
from npr_simulators.person.case import Placement
from npr_simulators.person.sites import Shock, Site

TRAIN_GAP_S = 1.0
"""Shocks closer than this belong to one train: the junctions have not recovered between them."""


@dataclass(frozen=True, slots=True)
class Grip:
    """Where the stimulator is held; see `Shock` for the distances."""

    side: Side
    site: Site
    offset_mm: float
    anterior_mm: float
    anode_first: bool


class Hand:
    """Holds the stimulator as `placement` has it, unless told otherwise; slips at one shock of an exam, if at any."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._grip: Grip | None = None
        self._given = 0
        self._last_s = -inf
        self._in_train = 0

    @property
    def grip(self) -> Grip | None:
        """None while the stimulator is off the skin."""
        return self._grip

    def place(
        self,
        side: Side,
        site: Site,
        *,
        offset_mm: float | None = None,
        anterior_mm: float | None = None,
        anode_first: bool | None = None,
    ) -> None:
        """Hold it there; what is None is as the patient's file has it. A slip is mended by placing anew."""
        usual = self._placement
        self._grip = Grip(
            side,
            site,
            usual.offset_mm if offset_mm is None else offset_mm,
            usual.anterior_mm if anterior_mm is None else anterior_mm,
            usual.anode_first if anode_first is None else anode_first,
        )
        self._last_s, self._in_train = -inf, 0

    def lift(self) -> None:
        """Take it off the skin."""
        self._grip = None

    def shock(
        self, *, current_ma: float, width_us: float, ordinal: int, reversed: bool, at_s: float
    ) -> tuple[Side, Shock] | None:
        """The shock as it meets the skin at second `at_s` of the device; None while the stimulator is off the skin."""
        self._given += 1
        if self._grip is None:
            return None
        if self._given == self._placement.shift_at_shock:
            self._grip = replace(self._grip, offset_mm=self._grip.offset_mm + self._placement.shift_mm)
        since_s = at_s - self._last_s
        self._in_train = self._in_train + 1 if since_s < TRAIN_GAP_S else 0
        self._last_s = at_s
        grip = self._grip
        return grip.side, Shock(
            site=grip.site,
            current_ma=current_ma,
            width_us=width_us,
            ordinal=ordinal,
            offset_mm=grip.offset_mm,
            anterior_mm=grip.anterior_mm,
            anode_first=grip.anode_first != reversed,
            since_ms=1e3 * since_s,
            in_train=self._in_train,
        )
