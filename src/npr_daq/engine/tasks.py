"""What each kind of step does at its site, pure: which search, what current afterwards, which series."""

from npr_daq.engine.counted import complete_counted, next_counted, next_pulse
from npr_daq.engine.ladder import finish_ladder, next_rung
from npr_daq.engine.search import Finished, SearchSettings, Shock, finish, next_shock, settings_for
from npr_daq.engine.series import Complete, SeriesSettings, complete, next_sweep
from npr_daq.engine.staircase import finish_staircase, next_step
from npr_daq.engine.state import ExamState, SiteProgress
from npr_daq.engine.steps import Conduction, Excitability, Late, Reflex, SiteSeries, Trains

SILENT_SWEEPS = 3
"""Sweeps of a late step where nothing answers its search: as evidence of that, and not to look for what cannot be."""


def search_settings(state: ExamState, step: SiteSeries, *, spent: int) -> SearchSettings:
    """The bounds of the step's search; the series has its shocks reserved: a long search may not eat them."""
    left = max(0, step.max_shocks - spent - step.accepted_sweeps - step.extra_sweeps)
    if isinstance(step.task, Reflex):
        # A reflex is a matter of the patient's state: the other side's threshold says nothing.
        return SearchSettings(step.watched, step.start_ma, step.cap_ma, step.cap_ma, left)
    reference = state.results.get(step.reference) if step.reference is not None else None
    return settings_for(step.watched, start_ma=step.start_ma, cap_ma=step.cap_ma, max_shocks=left, reference=reference)


def next_in_search(step: SiteSeries, site: SiteProgress) -> Shock | Finished:
    """The next shock of the step's search, or its verdict."""
    match step.task:
        case Conduction() | Late() | Trains():
            return next_shock(site.history, site.search)
        case Reflex():
            return next_rung(site.history, site.search)
        case Excitability(widths_us=widths):
            return next_step(site.history, site.search, widths)


def finish_search(step: SiteSeries, site: SiteProgress, reason: str) -> Finished:
    """The verdict of a search that something else ended."""
    match step.task:
        case Conduction() | Late() | Trains():
            return finish(site.history, site.search, reason)
        case Reflex():
            return finish_ladder(site.history, site.search, reason)
        case Excitability(widths_us=widths):
            return finish_staircase(site.history, site.search, widths, reason)


def series_settings(step: SiteSeries, site: SiteProgress, verdict: Finished) -> SeriesSettings:
    """What is taken after the search, at which current."""
    answers = site.history[-1].responses if site.history else {}
    headline = step.headline
    if headline in answers and not answers[headline].present:
        strongest = max(step.watched, key=lambda m: answers[m].size_mv if answers[m].present else 0.0)
        headline = strongest if answers[strongest].present else headline
    first = verdict.confirmation if isinstance(step.task, Conduction) else None
    wanted = step.accepted_sweeps
    match step.task:
        case Late() if not verdict.elicited:
            wanted = min(SILENT_SWEEPS, wanted)
        case Trains() if not verdict.elicited:
            # Nothing that could fade.
            wanted = 0
    return SeriesSettings(
        headline=headline,
        current_ma=_series_ma(step, verdict),
        wanted=wanted,
        extra=step.extra_sweeps,
        max_shocks=step.max_shocks - site.spent + (first is not None),
    )


def next_in_series(step: SiteSeries, site: SiteProgress) -> Shock | Complete:
    """The next shock of the step's series, or its verdict."""
    assert site.series_settings is not None
    match step.task:
        case Conduction():
            return next_sweep(site.series, site.series_settings)
        case Late() | Reflex() | Excitability():
            return next_counted(site.series, site.series_settings)
        case Trains() as task:
            return next_pulse(site.series, site.series_settings, task)


def complete_series(step: SiteSeries, site: SiteProgress) -> Complete:
    """The verdict on a series that something else ended."""
    assert site.series_settings is not None
    if isinstance(step.task, Conduction):
        return complete(site.series, site.series_settings)
    return complete_counted(site.series, site.series_settings)


def _series_ma(step: SiteSeries, verdict: Finished) -> float:
    """The current of the series: above the first maximal one (clinical reference 2.4), or where the search ended."""
    match step.task:
        case Late(factor=factor) | Trains(factor=factor) if verdict.proved:
            first = first_maximal_ma(verdict)
            return verdict.current_ma if first is None else min(round(factor * first, 2), step.cap_ma)
    return verdict.current_ma


def first_maximal_ma(verdict: Finished) -> float | None:
    """The lowest current of the plateau, of the muscle that needs most of those that were proved; None without one."""
    muscles = verdict.evidence.get("muscles") or {}
    feet = [own["plateau_ma"][0] for own in muscles.values() if own.get("proved") and own.get("plateau_ma")]
    return float(max(feet)) if feet else None
