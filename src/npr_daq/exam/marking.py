"""Move a marker on a response: what is allowed, from where to where, and the entry that remembers it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING

import npr_daq
from npr_daq.errors import AnalysisError, UsageError
from npr_daq.findings.edited import measured, reread
from npr_daq.findings.marks import MARK, Mark, Marker, Place, in_force, marks_of
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.selectivity import selective
from npr_daq.findings.site import Answer, Site, measure
from npr_daq.storage.edits import Draft, Entry
from npr_daq.storage.edits_file import append

if TYPE_CHECKING:
    from npr_daq.exam.exam import Exam

SOFTWARE = f"npr-daq {npr_daq.__version__}"


@dataclass(frozen=True, slots=True)
class Moved:
    """A marker that was moved: its entry in the edits file, and where it was before, by hand or as measured."""

    place: Place
    entry: Entry
    before_ms: float | None


def move(
    exam: "Exam",
    place: Place,
    at_ms: float | None,
    *,
    by: str,
    reason: str | None = None,
    when: datetime | None = None,
) -> Moved:
    """Append the move of one marker to the edits file; None brings the marker back to where it was measured.

    AnalysisError, and nothing is written, where there is no response, outside the response window, out of order with
    the other markers, or where the marker is already. RecordingError as `edits_file.append`.
    """
    # A wrong name costs nothing; an analysis takes seconds.
    Draft(by, MARK, reason=reason)
    if at_ms is not None and not isfinite(at_ms):
        raise UsageError(f"the time {at_ms} is no number of milliseconds after the stimulus, such as 3.42")
    so_far = exam.chain
    marks = in_force(marks_of(so_far.entries))
    site, answer = _answer(exam, place)
    assert answer.response is not None
    now = {mark.place: mark for mark in marks}.get(place)
    found = measured(answer.response)
    as_measured = {
        Marker.ONSET: found.onset_ms, Marker.NEGATIVE_PEAK: found.peak_ms, Marker.OFFSET: found.end_ms,
    }[place.marker]  # fmt: skip
    from_ms = as_measured if isfinite(as_measured) else None
    before_ms = from_ms if now is None else now.to_ms
    if at_ms == before_ms or (at_ms is None and now is None):
        where = "not measured" if before_ms is None else f"at {before_ms:g} ms"
        raise AnalysisError(f"the {place} is {where} already; nothing was changed")
    others = {mark.place.marker: mark for mark in marks if _same_response(mark.place, place)}
    _check(site, answer, place, at_ms, others, exam.parameters)
    draft = Draft(by, MARK, place.to_dict(), from_ms, at_ms, reason)
    entry = append(
        exam.edits_path,
        draft,
        owner=exam.owner,
        when=when or datetime.now(UTC),
        software=SOFTWARE,
        expected=so_far,
    )
    return Moved(place, entry, before_ms)


def _answer(exam: "Exam", place: Place) -> tuple[Site, Answer]:
    """The response that a marker lies on, under the stored parameters."""
    sites = selective(measure(exam.recording, exam.parameters), exam.parameters)
    site = sites.get((place.side, place.branch))
    if site is None:
        known = ", ".join(f"{side} {branch}" for side, branch in sites).replace("_", " ") or "none"
        where = f"the {place.side} {_words(place.branch)}"
        if exam.recording.of(place.side, place.branch):
            raise AnalysisError(f"{where} had no conduction study, and markers lie on one; sites with one: {known}")
        raise AnalysisError(f"no shock was given to {where}; sites with a conduction study: {known}")
    answer = site.answer(place.muscle)
    if answer is None:
        known = ", ".join(_words(a.muscle) for a in site.answers)
        raise AnalysisError(
            f"the {place.side} {_words(place.branch)} has no response of {_words(place.muscle)}; it has {known}"
        )
    if answer.response is None or not answer.response.elicited:
        why = "; ".join(answer.verdict.failures) or "no response was measured"
        raise AnalysisError(f"there is no {place} to move: {why}")
    return site, answer


def _check(
    site: Site,
    answer: Answer,
    place: Place,
    at_ms: float | None,
    others: dict[Marker, Mark],
    parameters: Parameters,
) -> None:
    assert answer.response is not None
    low, high = parameters.window_ms
    if at_ms is not None and not low <= at_ms <= high:
        raise AnalysisError(
            f"the {place} at {at_ms:g} ms is outside the response window of {low:g} to {high:g} ms after the stimulus"
        )
    wanted = {marker: mark.to_ms for marker, mark in others.items()} | {place.marker: at_ms}
    at = {marker: ms for marker, ms in wanted.items() if ms is not None}
    try:
        reread(site.series, answer.row, answer.response, parameters, at)
    except AnalysisError as cause:
        raise AnalysisError(f"the {place} cannot be there: {cause}") from cause


def _same_response(one: Place, other: Place) -> bool:
    return (one.side, one.branch, one.muscle) == (other.side, other.branch, other.muscle)


def _words(name: str) -> str:
    return name.replace("_", " ")
