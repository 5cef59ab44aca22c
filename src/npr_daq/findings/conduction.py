"""Table 1 of the report: one row per side, site and muscle that the site's branch supplies."""

from collections.abc import Mapping
from math import isfinite

import numpy as np

from npr_daq.anatomy import Branch, Side
from npr_daq.findings.onset import interval_ms
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.rows import UNPROVED, Artefact, ConductionRow, Quality
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
    timed = None if weak else here
    others = {} if timed is None else {name: _finite(at) for name, at in timed.other_onsets_ms.items()}
    return ConductionRow(
        side=str(site.side),
        branch=str(site.site),
        muscle=str(answer.muscle),
        site=str(site.site),
        current_ma=float(np.median([s.stimulus.current_ma for s in series.sweeps])) if series.sweeps else None,
        width_us=series.sweeps[-1].stimulus.width_us if series.sweeps else None,
        sweeps=series.count if response is None else int(response.kept.sum()),
        onset_latency_ms=None if timed is None else _finite(timed.onset_ms),
        peak_latency_ms=None if here is None else _finite(here.peak_ms),
        negative_peak_mv=None if here is None else _finite(here.negative_mv),
        peak_to_peak_mv=None if here is None else _finite(here.peak_to_peak_mv),
        negative_area_mv_ms=None if here is None else _finite(here.area_mv_ms),
        negative_duration_ms=None if here is None else _finite(here.duration_ms),
        supramaximal=answer.supramaximal,
        quality=_quality(site, answer),
        onset_ci95_ms=None if timed is None else interval_ms(series, answer.row, timed, parameters),
        ten_percent_ms=others.get("ten_percent_ms"),
        three_sd_back_ms=others.get("three_sd_back_ms"),
        tangent_ms=others.get("tangent_ms"),
        disagreement=timed is not None and timed.disagreement,
        phases=None if here is None else here.phases,
        polyphasic=here is not None and here.polyphasic,
        artefact=_artefact(answer, site),
    )


def _quality(site: Site, answer: Answer) -> Quality:
    """The gates of the answer, and that of the stimulus: a response that may still have grown is not acceptable."""
    failures = answer.verdict.failures
    if answer.response is not None and answer.response.elicited and not answer.supramaximal.proved:
        failures = (*failures, f"{UNPROVED}: reached {site.series.tried_ma:.3g} mA")
    reasons = (*failures, *answer.verdict.latency, *answer.verdict.notes)
    return Quality(accepted=answer.response is not None and not failures, reasons=reasons)


def _artefact(answer: Answer, site: Site) -> Artefact:
    cleaned = site.series.cleaned
    if cleaned is None or answer.response is None:
        return Artefact()
    return cleaned.account(answer.row, answer.response.kept)


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
