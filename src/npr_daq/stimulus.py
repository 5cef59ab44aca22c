"""Electrical stimuli, the limits they may not exceed, and the dose a patient has had."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import sqrt

from npr_daq.anatomy import Side, Site
from npr_daq.errors import PlanError

SKIN_OHM = 1000.0
"""Load assumed for energy where none was measured (clinical reference 6.6: E = I^2 R w)."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One rectangular cathodal pulse at one place."""

    side: Side
    site: Site
    current_ma: float
    width_us: float = 200.0

    @property
    def charge_uc(self) -> float:
        """Charge of the pulse in microcoulombs: I w."""
        return self.current_ma * self.width_us / 1000.0

    def energy_mj(self, load_ohm: float = SKIN_OHM) -> float:
        """Energy in millijoules into `load_ohm`: I^2 R w."""
        return (self.current_ma / 1e3) ** 2 * load_ohm * self.width_us / 1e6 * 1e3


@dataclass(frozen=True, slots=True)
class Train:
    """Equal pulses at a fixed rate, given by one FIRE with one number."""

    stimulus: Stimulus
    count: int
    rate_hz: float


@dataclass(frozen=True, slots=True)
class StimulusLimits:
    """What may not be exceeded, at every level: built, planned, driven, and in the device.

    Defaults are the proposals of the clinical reference 6.6; `max_rms_density_ma_cm2` is its textbook note.
    """

    max_current_ma: float = 40.0
    max_width_us: float = 500.0
    max_charge_uc: float = 20.0
    max_energy_mj: float = 50.0
    max_rate_hz: float = 1.0
    max_rms_density_ma_cm2: float = 2.0
    electrode_area_cm2: float = 0.5

    def violations(self, stimulus: Stimulus, *, rate_hz: float = 1.0) -> list[str]:
        """Every limit that `stimulus` at `rate_hz` breaks, as value, limit and unit; empty when allowed."""
        rms_ma = stimulus.current_ma * sqrt(stimulus.width_us * 1e-6 * rate_hz)
        rms_density = rms_ma / self.electrode_area_cm2
        checks = (
            ("current", stimulus.current_ma, self.max_current_ma, "mA"),
            ("pulse width", stimulus.width_us, self.max_width_us, "us"),
            ("charge", stimulus.charge_uc, self.max_charge_uc, "uC"),
            ("energy into 1 kohm", stimulus.energy_mj(), self.max_energy_mj, "mJ"),
            ("rate", rate_hz, self.max_rate_hz, "Hz"),
            ("rms current density", rms_density, self.max_rms_density_ma_cm2, "mA/cm2"),
        )
        found = [
            f"{what} {value:g} {unit} is above the limit of {top:g} {unit}"
            for what, value, top, unit in checks
            if value > top * (1 + 1e-9)
        ]
        if not stimulus.current_ma > 0:
            found.append(f"current {stimulus.current_ma:g} mA is not above 0 mA")
        if not stimulus.width_us > 0:
            found.append(f"pulse width {stimulus.width_us:g} us is not above 0 us")
        return found

    def check(self, stimulus: Stimulus, *, rate_hz: float = 1.0) -> None:
        """Raise PlanError when `stimulus` breaks a limit. Nothing has moved."""
        found = self.violations(stimulus, rate_hz=rate_hz)
        if found:
            where = f"{stimulus.side} {stimulus.site}"
            raise PlanError(f"stimulus at {where}: {'; '.join(found)}. Lower it, or change [limits] with a reason.")

    def tightened(self, other: "StimulusLimits") -> "StimulusLimits":
        """The stricter of the two, limit by limit; the electrode area stays."""
        return replace(
            self,
            max_current_ma=min(self.max_current_ma, other.max_current_ma),
            max_width_us=min(self.max_width_us, other.max_width_us),
            max_charge_uc=min(self.max_charge_uc, other.max_charge_uc),
            max_energy_mj=min(self.max_energy_mj, other.max_energy_mj),
            max_rate_hz=min(self.max_rate_hz, other.max_rate_hz),
            max_rms_density_ma_cm2=min(self.max_rms_density_ma_cm2, other.max_rms_density_ma_cm2),
        )


@dataclass(frozen=True, slots=True)
class Dose:
    """What one site has had: pulses, charge, peak and energy, with requested against delivered."""

    side: Side
    site: Site
    pulses: int = 0
    charge_uc: float = 0.0
    peak_ma: float = 0.0
    energy_mj: float = 0.0
    requested_ma_sum: float = 0.0
    delivered_ma_sum: float = 0.0

    @property
    def requested_vs_delivered(self) -> float:
        """Delivered over requested current, summed over pulses; 1.0 is exact, NaN before the first pulse."""
        return self.delivered_ma_sum / self.requested_ma_sum if self.requested_ma_sum else float("nan")

    def plus(self, requested: Stimulus, delivered_ma: float, *, load_ohm: float = SKIN_OHM) -> "Dose":
        """The dose after one more pulse of `delivered_ma`."""
        given = replace(requested, current_ma=delivered_ma)
        return replace(
            self,
            pulses=self.pulses + 1,
            charge_uc=self.charge_uc + given.charge_uc,
            peak_ma=max(self.peak_ma, delivered_ma),
            energy_mj=self.energy_mj + given.energy_mj(load_ohm),
            requested_ma_sum=self.requested_ma_sum + requested.current_ma,
            delivered_ma_sum=self.delivered_ma_sum + delivered_ma,
        )


@dataclass(slots=True)
class DoseLedger:
    """The doses of one exam, by side and site, in the order the sites were first used."""

    by_site: dict[tuple[Side, Site], Dose] = field(default_factory=dict)

    def add(self, requested: Stimulus, delivered_ma: float, *, load_ohm: float = SKIN_OHM) -> Dose:
        """Book one delivered pulse and return the site's dose."""
        key = (requested.side, requested.site)
        dose = self.by_site.get(key, Dose(*key)).plus(requested, delivered_ma, load_ohm=load_ohm)
        self.by_site[key] = dose
        return dose

    def totals(self) -> Iterable[Dose]:
        """One dose per site."""
        return self.by_site.values()
