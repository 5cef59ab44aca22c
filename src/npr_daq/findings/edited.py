"""Findings with the markers that a human has moved: what follows from them is read again, and every row says so."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from npr_daq.analysis import by_hand
from npr_daq.anatomy import Branch, Side
from npr_daq.errors import AnalysisError
from npr_daq.findings.conduction import conduction
from npr_daq.findings.findings import Findings
from npr_daq.findings.gates import DISAGREEMENT, LATENCY_FLAGS, Verdict
from npr_daq.findings.marks import Mark, Marker
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.response import Response
from npr_daq.findings.rows import ConductionRow, SymmetryRow
from npr_daq.findings.series import Series
from npr_daq.findings.site import Answer, Site
from npr_daq.findings.summed import summed
from npr_daq.findings.symmetry import symmetry
from npr_daq.findings.table import TableView, plain
from npr_daq.recording import Recording

Sites = Mapping[tuple[Side, Branch], Site]

BY_HAND = "by hand: "
"""Beginning of the reason that says which marker a human has moved."""

_PEAK = {"percent", "ci95_percent", "loss_percent", "asymmetry_index", "peak_latency_ms", "peak_to_peak_mv"}
_ONSET = {"onset_latency_ms", "latency_difference_ms", "onset_ci95_ms", "disagreement"}
_OF_ROW = ("edited", "quality", "supramaximal")

R = TypeVar("R", ConductionRow, SymmetryRow)


def with_marks(
    found: Findings, recording: Recording, sites: Sites, parameters: Parameters, marks: Sequence[Mark]
) -> Findings:
    """`found`, computed from `sites`, with `marks`: rows of conduction and symmetry, warnings and provenance.

    Onset: its latency, the negative peak counted from it, area, duration, and the difference of latencies. Negative
    peak: its latency, both amplitudes, and the ratio, for which every sweep is read at the new instant too. Offset:
    duration and area. A mark whose response is not there under these parameters moves nothing, and the row says so.
    """
    now = moved(sites, marks, parameters)
    used = [mark for mark in marks if _response(now, mark) is not _response(sites, mark)]
    affected = str(recording.header.get("affected"))
    warning = f"{len(marks)} {'marker was' if len(marks) == 1 else 'markers were'} moved by hand; the rows say which"
    compared = symmetry(now, affected, recording.montage)
    return replace(
        found,
        conduction=_edited(found.conduction, _rows(found, now, marks, parameters), used),
        symmetry=_edited(found.symmetry, compared, used),
        summed=summed(now, compared, affected),
        quality={**found.quality, "warnings": [warning, *found.quality["warnings"]]},
        provenance={**found.provenance, "edits": {"marks": [mark.to_dict() for mark in marks]}},
    )


def moved(sites: Sites, marks: Sequence[Mark], parameters: Parameters) -> dict[tuple[Side, Branch], Site]:
    """The sites with their marked answers read again."""
    return {
        key: replace(site, answers=tuple(_answer(site, answer, marks, parameters) for answer in site.answers))
        for key, site in sites.items()
    }


def measured(response: Response) -> by_hand.Measured:
    """The markers and sizes of a response as they were measured."""
    return by_hand.Measured(
        onset_ms=response.onset_ms,
        peak_ms=response.peak_ms,
        end_ms=response.onset_ms + response.duration_ms,
        negative_mv=response.negative_mv,
        peak_to_peak_mv=response.peak_to_peak_mv,
        area_mv_ms=response.area_mv_ms,
    )


def reread(
    series: Series, row: int, response: Response, parameters: Parameters, at: Mapping[Marker, float]
) -> Response:
    """A response of channel `row` with some markers at other instants; AnalysisError where they make no sense."""
    only = series.only(row, response.kept, parameters.window_ms) if response.set_aside else series
    index = 0 if response.set_aside else row
    now = by_hand.with_markers(
        only.average_uv[index],
        measured(response),
        rate_hz=series.rate_hz,
        stimulus_sample=float(only.average_stimulus[index]),
        window_ms=parameters.window_ms,
        onset_ms=at.get(Marker.ONSET),
        peak_ms=at.get(Marker.NEGATIVE_PEAK),
        end_ms=at.get(Marker.OFFSET),
    )
    if not now.negative_mv > 0 or not now.peak_to_peak_mv > 0:
        raise AnalysisError(
            f"with the markers there, the negative peak would be {now.negative_mv:.3f} mV; it must be above 0"
        )
    sweeps_mv = response.sweeps_mv
    if Marker.NEGATIVE_PEAK in at:
        sweeps_mv = sweeps_mv + by_hand.growth_mv(
            only.uv[index],
            rate_hz=series.rate_hz,
            stimulus_sample=only.stimulus_sample[index],
            late_samples=np.nan_to_num(only.shifts_samples[index]),
            from_ms=response.peak_ms,
            to_ms=at[Marker.NEGATIVE_PEAK],
        )
    return replace(
        response,
        onset_ms=now.onset_ms,
        peak_ms=now.peak_ms,
        negative_mv=now.negative_mv,
        peak_to_peak_mv=now.peak_to_peak_mv,
        area_mv_ms=now.area_mv_ms,
        duration_ms=now.duration_ms,
        sweeps_mv=sweeps_mv,
    )


def _answer(site: Site, answer: Answer, marks: Sequence[Mark], parameters: Parameters) -> Answer:
    mine = [m for m in marks if (m.place.side, m.place.branch, m.place.muscle) == (site.side, site.site, answer.muscle)]
    if not mine:
        return answer
    verdict = answer.verdict
    if answer.response is None or not answer.response.elicited:
        return replace(answer, verdict=_noted(verdict, [f"{_said(m)}, not used: there is no response" for m in mine]))
    at = {mark.place.marker: float(mark.to_ms) for mark in mine if mark.to_ms is not None}
    try:
        response = reread(site.series, answer.row, answer.response, parameters, at)
    except AnalysisError as cause:
        return replace(answer, verdict=_noted(verdict, [f"{_said(m)}, not used: {cause}" for m in mine]))
    if Marker.ONSET in at:
        # What spoke against the measured instant says nothing about this one; where G1 lies still does.
        kept = tuple(reason for reason in verdict.latency if reason == LATENCY_FLAGS["initial_positive"])
        notes = tuple(reason for reason in verdict.notes if not reason.startswith(DISAGREEMENT))
        verdict = replace(verdict, latency=kept, notes=notes)
    return replace(answer, response=response, verdict=_noted(verdict, [_said(mark) for mark in mine]))


def _noted(verdict: Verdict, texts: list[str]) -> Verdict:
    return replace(verdict, notes=(*verdict.notes, *texts))


def _said(mark: Mark) -> str:
    marker = mark.place.marker.replace("_", " ")
    if mark.from_ms is None:
        return f"{BY_HAND}{marker} set at {mark.to_ms:.2f} ms by {mark.by}"
    return f"{BY_HAND}{marker} moved from {mark.from_ms:.2f} to {mark.to_ms:.2f} ms by {mark.by}"


def _edited(before: TableView[R], after: TableView[R], marks: Sequence[Mark]) -> TableView[R]:
    return TableView(before.row_type, [_row(*pair, marks) for pair in zip(before, after, strict=True)])


def _row(before: R, after: R, marks: Sequence[Mark]) -> R:
    mine = [mark for mark in marks if _concerns(mark, after)]
    if not mine:
        return after
    if isinstance(after, ConductionRow):
        onset = next((mark.to_ms for mark in mine if mark.place.marker is Marker.ONSET), None)
        # A weak response has no latency of its own, but a human may have seen one; the interval was the measured one's.
        if onset is not None:
            after = replace(after, onset_latency_ms=onset, onset_ci95_ms=None, disagreement=False)
    changed = {}
    for name in (f.name for f in fields(after) if f.name not in _OF_ROW):
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            # What hangs on a marker by a gate or a width alone is laid to all of them.
            by = [mark for mark in mine if _moves(mark.place.marker, name)] or mine
            changed[name] = {
                "from": plain(was),
                "to": plain(now),
                "markers": list(dict.fromkeys(str(mark.place.marker) for mark in by)),
                "entries": [mark.entry for mark in by],
            }
    return replace(after, edited=changed)


def _rows(found: Findings, now: Sites, marks: Sequence[Mark], parameters: Parameters) -> TableView[ConductionRow]:
    """The conduction rows, those of marked responses made anew; making a row costs a bootstrap of its onset."""
    marked = {(mark.place.side, mark.place.branch, mark.place.muscle) for mark in marks}
    few = {
        key: replace(site, answers=tuple(a for a in site.answers if (*key, a.muscle) in marked))
        for key, site in now.items()
    }
    anew = {(row.side, row.branch, row.muscle): row for row in conduction(few, parameters)}
    return TableView(ConductionRow, [anew.get((r.side, r.branch, r.muscle), r) for r in found.conduction])


def _response(sites: Sites, mark: Mark) -> Response | None:
    site = sites.get((mark.place.side, mark.place.branch))
    answer = None if site is None else site.answer(mark.place.muscle)
    return None if answer is None else answer.response


def _concerns(mark: Mark, row: Any) -> bool:
    side = getattr(row, "side", None)
    return (mark.place.branch, mark.place.muscle) == (row.branch, row.muscle) and side in (None, mark.place.side)


def _moves(marker: Marker, column: str) -> bool:
    """Whether a column follows from a marker."""
    if column in _PEAK:
        return marker is Marker.NEGATIVE_PEAK
    if column in _ONSET:
        return marker is Marker.ONSET
    return not (column == "negative_peak_mv" and marker is Marker.OFFSET)
