"""The blink reflex: what every muscle of both sides answers to a shock to the supraorbital nerve."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import artefact, reflex
from npr_daq.analysis.reflex import BlinkReflex, Component, Origin
from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Side
from npr_daq.errors import AnalysisError
from npr_daq.findings.late_rows import ABSENT, PRESENT, ReflexRow
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.placed import artefact_reasons, current_ma, finite, placed
from npr_daq.findings.series import Series, filtered, of_step, shocks_of
from npr_daq.findings.site import Site
from npr_daq.findings.table import TableView
from npr_daq.montage import Channel
from npr_daq.recording import Recording

REFLEX = "reflex"
R1_R2, R2C, SYNKINETIC = "R1, R2", "R2c", "synkinetic"
CANNOT_TELL = "cannot tell"

R2_SD_MS = 5.0
"""Latency of an R2 of another muscle: with more than this SD it does not come with the eye's [proposal]."""
NO_BLINK = "no eye answers this stimulus, so that what stands out here is no part of a blink"
DOES_NOT_CROSS = "R1 does not cross to the other side"
NO_BEGINNING = "their mean has no beginning where R1 lies"

SILENT_UNTIL_MS = 7.0
"""Nothing answers before R1, so that the artefact has all of that time to be fitted."""

Sites = Mapping[tuple[Side, Branch], Site]


def blink(recording: Recording, sites: Sites, parameters: Parameters) -> TableView[ReflexRow]:
    """One row per facial muscle of both sides for every stimulated side; `sites` has the direct latencies."""
    rows: list[ReflexRow] = []
    for step in recording.steps:
        if recording.kind_of(step) == REFLEX:
            rows += _step(recording, step, sites, parameters)
    return TableView(ReflexRow, rows)


def direct_latency_ms(sites: Sites, side: Side) -> float | None:
    """The accepted onset of the orbicularis oculi at its own branch, or else at the trunk; None where there is none."""
    for branch in (Branch.ZYGOMATIC, Branch.TRUNK):
        site = sites.get((side, branch))
        answer = None if site is None else site.answer(Muscle.ORBICULARIS_OCULI)
        if answer is not None and answer.latency_ms is not None and np.isfinite(answer.latency_ms):
            return answer.latency_ms
    return None


def _step(recording: Recording, step: str, sites: Sites, parameters: Parameters) -> list[ReflexRow]:
    channels = tuple(c for c in recording.montage.channels if c.muscle in FACIAL_MUSCLES)
    series = _silenced(recording, of_step(recording, step, parameters, channels=channels), parameters)
    found, failed = None, ""
    if series.count:
        try:
            found = _measured(series)
        except AnalysisError as cause:
            failed = str(cause)
    rows = []
    for row, channel in enumerate(channels):
        eye = channel.muscle is Muscle.ORBICULARIS_OCULI
        own = channel.side == series.side
        plain = ReflexRow(
            stimulated=str(series.side),
            side=str(channel.side),
            muscle=str(channel.muscle),
            current_ma=current_ma(series),
            sweeps=series.count,
            response=(R1_R2 if own else R2C) if eye else SYNKINETIC,
            reasons=tuple(artefact_reasons(series, row)),
        )
        if found is None or series.count < reflex.LEAST_SWEEPS:
            few = failed or f"{series.count} usable sweeps; a reflex takes {reflex.LEAST_SWEEPS}"
            rows.append(replace(plain, reasons=(few, *plain.reasons)))
            continue
        direct = direct_latency_ms(sites, channel.side) if eye and own else None
        rows.append(_row(plain, found, row, direct, blinked=_blinked(found, channels, series.side)))
    return rows


def _silenced(recording: Recording, series: Series, parameters: Parameters) -> Series:
    """The series without its artefact, fitted up to 7 ms in the channels that show nothing before."""
    if series.cleaner is None:
        return series
    until = series.cleaner.silent_until_ms
    longer = np.where(until == artefact.SILENT_UNTIL_MS, SILENT_UNTIL_MS, until)
    how = replace(series.cleaner, silent_until_ms=longer)
    cleaned = how.clean(shocks_of(recording, series.sweeps, series.channels))
    return replace(series, uv=filtered(cleaned.uv, series.rate_hz, parameters), cleaned=cleaned, cleaner=how)


def _measured(series: Series) -> BlinkReflex:
    sweeps, column = placed(series)
    eyes = [row for row, c in enumerate(series.channels) if c.muscle is Muscle.ORBICULARIS_OCULI]
    return reflex.measure(sweeps, rate_hz=series.rate_hz, stimulus_sample=column, prime_movers=eyes)


def _blinked(found: BlinkReflex, channels: Sequence[Channel], stimulated: Side) -> bool:
    """Whether an eye answers: with R2 on either side, or with R1 on the stimulated one."""
    eyes = [row for row, channel in enumerate(channels) if channel.muscle is Muscle.ORBICULARIS_OCULI]
    return any(
        found.r2.reproducible[row] or (channels[row].side == stimulated and found.r1.reproducible[row]) for row in eyes
    )


def _row(plain: ReflexRow, found: BlinkReflex, row: int, direct_ms: float | None, *, blinked: bool) -> ReflexRow:
    r1, r2 = found.r1, found.r2
    # The hinge on the average: the same definition as that of the direct latency beside which it is put.
    first = r1.first_phase_ms[row] if np.isfinite(r1.first_phase_ms[row]) else r1.mean_onset_ms[row]
    # An R1 that repeats begins in the mean of the sweeps too, within its window.
    crossed = plain.side != plain.stimulated
    early = bool(r1.reproducible[row] and np.isfinite(first) and not crossed)
    shown = {"R1": early, "R2": bool(r2.reproducible[row])}
    latency = finite(float(first)) if shown["R1"] else None
    verdict, reasons = _verdict(plain, found, row, shown, blinked=blinked)
    if r1.reproducible[row] and not early:
        found_in = f"something before R2 in {int(r1.present[:, row].sum())} of {plain.sweeps} sweeps"
        reasons = [f"{found_in} is not counted: {DOES_NOT_CROSS if crossed else NO_BEGINNING}", *reasons]
    return replace(
        plain,
        r1_latency_ms=latency,
        r1_latency_sd_ms=_sd(r1.onset_latency_ms[:, row]) if shown["R1"] else None,
        r1_uv=finite(r1.mean_amplitude_uv[row]) if shown["R1"] else None,
        r1_share_percent=finite(100.0 * r1.share[row]),
        r2_latency_ms=finite(r2.mean_onset_ms[row]) if shown["R2"] else None,
        r2_latency_sd_ms=_sd(r2.onset_latency_ms[:, row]) if shown["R2"] else None,
        r2_area_uv_ms=finite(r2.mean_area_uv_ms[row]) if shown["R2"] else None,
        r2_duration_ms=_mean(r2.duration_ms[:, row]) if shown["R2"] else None,
        r2_share_percent=finite(100.0 * r2.share[row]),
        r1_over_direct=None if latency is None or direct_ms is None else latency / direct_ms,
        verdict=verdict,
        reasons=(*reasons, *plain.reasons),
    )


def _verdict(
    plain: ReflexRow, found: BlinkReflex, row: int, shown: Mapping[str, bool], *, blinked: bool
) -> tuple[str, list[str]]:
    """Present, absent or cannot tell, and why, for a channel with sweeps enough."""
    parts: dict[str, Component] = {"R1": found.r1, "R2": found.r2}
    said = [
        f"{name} in {int(part.present[:, row].sum())} of {plain.sweeps} sweeps, which does not repeat"
        for name, part in parts.items()
        if not part.reproducible[row] and part.present[:, row].any()
    ]
    if plain.response != SYNKINETIC:
        wanted = [name for name in parts if name == "R2" or plain.response == R1_R2]
        return (PRESENT if any(shown[name] for name in wanted) else ABSENT), said
    origins = {name: str(part.origin[row]) for name, part in parts.items() if shown[name]}
    said += [f"{name} may be a copy of the eye's: {origin}" for name, origin in origins.items() if origin != Origin.OWN]
    if origins and not blinked:
        return ABSENT, [NO_BLINK, *said]
    deviation = _sd(found.r2.onset_latency_ms[:, row])
    if origins.get("R2") == Origin.OWN and (deviation is None or deviation > R2_SD_MS):
        origins["R2"] = Origin.CANNOT_TELL
        spread = "" if deviation is None else f": SD {deviation:.1f} ms, the limit is {R2_SD_MS:g}"
        said.append(f"what stands out in the time of R2 does not come at one time{spread}")
    if Origin.OWN in origins.values():
        return PRESENT, said
    return (CANNOT_TELL if Origin.CANNOT_TELL in origins.values() else ABSENT), said


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _sd(values: NDArray[np.float64]) -> float | None:
    known = _known(values)
    return float(known.std(ddof=1)) if known.size > 1 else None


def _mean(values: NDArray[np.float64]) -> float | None:
    known = _known(values)
    return float(known.mean()) if known.size else None
