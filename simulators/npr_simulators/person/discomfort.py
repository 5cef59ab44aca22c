"""How much a shock hurts, and when the patient asks to stop."""

from npr_simulators.person.case import Case
from npr_simulators.person.sites import Shock, Site

WORST_MA = 60.0
STANDARD_US = 200.0
EXPONENT = 0.8
"""A score of 10 at 60 mA and 0.2 ms, growing with the charge to the power 0.8: assumptions, no scale of facial shocks
was found [A]."""
MOST = 10.0
THIN_SKIN = 1.25
"""The skin over the supraorbital notch hurts more [A]."""


def discomfort(case: Case, shock: Shock) -> float:
    """Score of this shock, 0 (nothing) to 10 (the worst), as the patient would say it."""
    worst_ma = WORST_MA * case.behaviour.tolerance / (THIN_SKIN if shock.site is Site.SUPRAORBITAL else 1.0)
    return float(min(MOST, MOST * (_standard_ma(shock) / worst_ma) ** EXPONENT))


def asks_to_stop(case: Case, shock: Shock) -> bool:
    """Whether the patient asks to end the series: above her own limit, or when nothing could be worse."""
    limit_ma = case.behaviour.stops_above_ma
    return discomfort(case, shock) >= MOST or (limit_ma is not None and _standard_ma(shock) > limit_ma)


def _standard_ma(shock: Shock) -> float:
    # limits are thought of at 0.2 ms; the charge decides
    return shock.current_ma * shock.width_us / STANDARD_US
