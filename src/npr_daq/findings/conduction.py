"""Table 1 of the report: one row per side, site and muscle that the site's branch supplies."""

from collections.abc import Mapping
from math import isfinite

import numpy as np

from npr_daq.anatomy import Branch, Side
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.rows import ConductionRow, Quality
from npr_daq.findings.site import Answer, Site
from npr_daq.findings.table import TableView


def conduction(sites: Mapping[tuple[Side, Branch], Site], parameters: Parameters) -> TableView[ConductionRow]:
    """The conduction rows of every measured site."""
    rows = [_row(site, answer, parameters) for site in sites.values() for answer in site.answers]
    return TableView(ConductionRow, rows)


def _row(site: Site, answer: Answer, parameters: Parameters) -> ConductionRow:
    series, response = site.series, answer.response
    here = response if response is not None and response.elicited else None
    weak = here is None or here.snr_latency < parameters.snr_latency
    return ConductionRow(
        side=str(site.side),
        branch=str(site.site),
        muscle=str(answer.muscle),
        site=str(site.site),
        current_ma=float(np.median([s.stimulus.current_ma for s in series.sweeps])) if series.sweeps else None,
        width_us=series.sweeps[-1].stimulus.width_us if series.sweeps else None,
        sweeps=series.count if response is None else int(response.kept.sum()),
        onset_latency_ms=None if here is None or weak else _finite(here.onset_ms),
        peak_latency_ms=None if here is None else _finite(here.peak_ms),
        negative_peak_mv=None if here is None else _finite(here.negative_mv),
        peak_to_peak_mv=None if here is None else _finite(here.peak_to_peak_mv),
        negative_area_mv_ms=None if here is None else _finite(here.area_mv_ms),
        negative_duration_ms=None if here is None else _finite(here.duration_ms),
        supramaximal=answer.supramaximal,
        quality=Quality(accepted=answer.accepted, reasons=answer.verdict.reasons),
    )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
