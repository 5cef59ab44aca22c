"""Late responses: F waves where the stimulated branch supplies the muscle, lateral spread in the other muscles."""

from dataclasses import replace

import numpy as np

from npr_daq.analysis import evoked, f_wave, lateral_spread
from npr_daq.analysis.lateral_spread import LateralSpread, Verdict
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch
from npr_daq.errors import AnalysisError
from npr_daq.findings.late_rows import ABSENT, F_WAVE, LATERAL_SPREAD, PRESENT, TOO_FEW, LateRow
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.placed import artefact_reasons, current_ma, finite, judged, movers, unproved
from npr_daq.findings.series import Series, of_step
from npr_daq.findings.table import TableView
from npr_daq.recording import Recording

LATE = "late"

UNSURE = (
    f"a late response under {lateral_spread.NEW_TIMES:g} times the early one of the muscle, or one that the removal of "
    "what is no late response has made: it cannot be told from the tail of a direct response"
)
UNCERTAIN_TAIL = "no sweep shows the tail of the direct response alone: amplitude and F/M are too small"
UNTIMED = "no two F waves begin within 0.5 ms of each other at instants that can be told: no latency"
REPEATED = 2
"""F waves of one sweep alone may be chance."""
NO_DIRECT = "no direct response"


def late(recording: Recording, parameters: Parameters) -> TableView[LateRow]:
    """One row per facial muscle that was recorded on the stimulated side, for every step of late responses."""
    rows: list[LateRow] = []
    for step in recording.steps:
        if recording.kind_of(step) != LATE:
            continue
        series = of_step(recording, step, parameters)
        proof = unproved(recording, step)
        spreads = judged(series, parameters)
        waves = _f_waves(series, parameters)
        for muscle in FACIAL_MUSCLES:
            row = series.row(muscle)
            if row is None or not isinstance(series.site, Branch):
                continue
            reasons = [*proof, *artefact_reasons(series, row)]
            if muscle in SUPPLIES[series.site]:
                rows.append(_f_wave(series, row, waves, reasons, parameters))
            else:
                rows.append(_spread(series, row, spreads, reasons))
    return TableView(LateRow, rows)


def _f_waves(series: Series, parameters: Parameters) -> f_wave.FWaves | None:
    own = movers(series)
    if not series.count or not own:
        return None
    try:
        return f_wave.measure(
            series.uv[own],
            rate_hz=series.rate_hz,
            stimulus_sample=series.stimulus_sample[own],
            window_ms=(parameters.late_start_ms, parameters.window_end_ms),
            direct_ms=(parameters.window_start_ms, parameters.early_end_ms),
        )
    except AnalysisError:
        return None


def _f_wave(
    series: Series, row: int, found: f_wave.FWaves | None, reasons: list[str], parameters: Parameters
) -> LateRow:
    plain = LateRow(
        side=str(series.side),
        stimulated=str(series.site),
        recorded=str(series.channels[row].muscle),
        response=F_WAVE,
        current_ma=current_ma(series),
        sweeps=series.count,
        reasons=tuple(reasons),
    )
    at = movers(series).index(row)
    if found is None or not found.enough[at]:
        few = f"{series.count} usable sweeps; an F wave takes {f_wave.LEAST_SWEEPS}"
        return replace(plain, reasons=(few, *reasons))
    direct = evoked.measure(
        series.average_uv[row],
        rate_hz=series.rate_hz,
        stimulus_sample=float(series.average_stimulus[row]),
        window_ms=(parameters.window_start_ms, parameters.early_end_ms),
    )
    elicited = bool(direct.present)
    shown = found.present[at]
    known = found.latency_ms[at][shown & np.isfinite(found.latency_ms[at])]
    minimum = finite(found.minimum_ms[at])
    onset = finite(float(direct.onset_latency_ms)) if elicited else None
    there = int(shown.sum()) >= REPEATED
    notes = [] if elicited else [NO_DIRECT]
    if not there:
        missed = f_wave.PRESENT_TIMES * float(found.noise_uv[at])
        lone = ", and one sweep alone shows something" if shown.any() else ""
        notes.append(f"F waves under {missed:.0f} uV (RMS over {f_wave.ENERGY_MS:g} ms) would be missed{lone}")
    elif minimum is None:
        notes.append(UNTIMED)
    if there and not found.tail_certain[at]:
        notes.append(UNCERTAIN_TAIL)
    if not there:
        minimum = None
    return replace(
        plain,
        minimum_ms=minimum,
        mean_ms=None if minimum is None else finite(found.mean_ms[at]),
        maximum_ms=None if minimum is None else finite(found.maximum_ms[at]),
        chronodispersion_ms=None if minimum is None else finite(found.chronodispersion_ms[at]),
        persistence_percent=finite(found.persistence_percent[at]),
        f_over_m_percent=finite(found.f_over_m_percent[at]) if elicited and there else None,
        conduction_time_ms=None if minimum is None or onset is None else (minimum - onset - 1.0) / 2.0,
        amplitude_uv=float(found.amplitude_uv[at][shown].mean()) if there else None,
        latency_sd_ms=float(known.std(ddof=1)) if minimum is not None and len(known) > 1 else None,
        direct_mv=finite(found.direct_mv[at]),
        noise_uv=finite(found.noise_uv[at]),
        verdict=PRESENT if there else ABSENT,
        reasons=(*notes, *reasons),
    )


def _spread(series: Series, row: int, found: LateralSpread | None, reasons: list[str]) -> LateRow:
    plain = LateRow(
        side=str(series.side),
        stimulated=str(series.site),
        recorded=str(series.channels[row].muscle),
        response=LATERAL_SPREAD,
        current_ma=current_ma(series),
        sweeps=series.count,
        reasons=tuple(reasons),
    )
    if found is None or found.verdict[row] == Verdict.TOO_FEW:
        few = f"{series.count} usable sweeps; lateral spread takes {lateral_spread.LEAST_SWEEPS}"
        return replace(plain, verdict=TOO_FEW, reasons=(few, *reasons))
    verdict = str(found.verdict[row])
    plain = replace(
        plain,
        persistence_percent=finite(100.0 * found.share[row]),
        amplitude_uv=finite(found.amplitude_uv[row]),
        direct_mv=finite(found.direct_uv[row] / 1e3),
        noise_uv=finite(found.noise_uv[row]),
        verdict=verdict,
    )
    if verdict == Verdict.ABSENT:
        # The instants of what does not repeat are those of noise.
        return replace(plain, reasons=(*_why_absent(found, row), *reasons))
    latency = found.latency_ms[:, row]
    known = latency[np.isfinite(latency)]
    return replace(
        plain,
        minimum_ms=float(known.min()),
        mean_ms=finite(found.latency_mean_ms[row]),
        maximum_ms=float(known.max()),
        chronodispersion_ms=float(np.ptp(known)),
        latency_sd_ms=finite(found.latency_sd_ms[row]),
        reasons=(*([UNSURE] if verdict == Verdict.CANNOT_TELL else []), *reasons),
    )


def _why_absent(found: LateralSpread, row: int) -> list[str]:
    """Why what stands out in most sweeps is no late response; empty where nothing does."""
    if found.share[row] < lateral_spread.SHARE:
        return []
    if found.reproducible[row]:
        return ["what repeats is explained by copies of the stimulated muscles; a response of its own could hide in it"]
    deviation = float(found.latency_sd_ms[row])
    if deviation >= lateral_spread.LATENCY_SD_MS:
        return [f"what stands out does not come at one time: SD {deviation:.1f} ms"]
    return ["what stands out has no beginning that can be told"]
