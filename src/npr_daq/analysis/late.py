"""Late responses: F waves in the muscles of the stimulated branch, lateral spread in those of the others."""

from npr_daq.analysis.f_wave import FWaves, measure
from npr_daq.analysis.lateral_spread import LateralSpread, lateral_spread

__all__ = ["FWaves", "LateralSpread", "lateral_spread", "measure"]
