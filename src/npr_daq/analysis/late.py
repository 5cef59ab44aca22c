"""Late responses: F waves in the muscles of the stimulated branch, lateral spread in those of the others."""

from npr_daq.analysis.f_wave import FWaves, measure

__all__ = ["FWaves", "measure"]
