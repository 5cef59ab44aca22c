"""The work at one site, pure: limits, place, noise, search, series, judgement, and what a redo means."""

from dataclasses import replace
from types import MappingProxyType

from npr_daq.engine import mend, prompts
from npr_daq.engine.counted import place_of, trains_given
from npr_daq.engine.effects import (
    Ask,
    CaptureNoise,
    Effect,
    Prepare,
    RecordEvent,
    RecordJudgement,
    RecordSearch,
    SetLimits,
    Shot,
    Spacing,
    Tell,
)
from npr_daq.engine.reading import Reading
from npr_daq.engine.search import Finished, Shock
from npr_daq.engine.series import Complete
from npr_daq.engine.state import Awaiting, ExamState, SiteProgress
from npr_daq.engine.steps import Conduction, SiteSeries, Trains
from npr_daq.engine.tasks import (
    complete_series,
    finish_search,
    next_in_search,
    next_in_series,
    search_settings,
    series_settings,
)
from npr_daq.operator import Notice
from npr_daq.recording import Role
from npr_daq.stimulus import Stimulus, StimulusLimits

LEAST_SEARCH = 8
"""A redo is offered while at least this many shocks and a whole series are left at the site."""

Step = tuple[ExamState, tuple[Effect, ...]]


def arrive(state: ExamState, step: SiteSeries) -> Step:
    """Begin the work at a site."""
    site = SiteProgress(search=search_settings(state, step, spent=0))
    state = replace(state, site=site)
    state, effects = work(state, step, site)
    return state, (Tell(prompts.step_begins(state, step)), *effects)


def work(state: ExamState, step: SiteSeries, site: SiteProgress) -> Step:
    """What comes next at this site."""
    if not site.limited:
        return replace(state, awaiting=Awaiting.LIMITS), (SetLimits(step, _limits(step, site)),)
    if not site.placed:
        return replace(state, awaiting=Awaiting.PLACE), (Ask(prompts.place(step, site)),)
    if not site.noise:
        return replace(state, awaiting=Awaiting.NOISE), (CaptureNoise(step),)
    if site.verdict is None:
        after = next_in_search(step, site)
        if isinstance(after, Shock) and site.spent < step.max_shocks:
            return _shock(state, step, site, after)
        if not isinstance(after, Finished):
            after = finish_search(step, site, f"the {step.max_shocks} shocks allowed here were used")
        return _found(state, step, site, after)
    if site.complete is None:
        sweep = next_in_series(step, site)
        if isinstance(sweep, Shock) and site.spent < step.max_shocks and not site.ended:
            return _shock(state, step, site, sweep)
        if not isinstance(sweep, Complete):
            sweep = complete_series(step, site)
        return _completed(state, step, site, sweep)
    left = step.max_shocks - site.spent
    redo = not site.ended and left >= step.accepted_sweeps + step.extra_sweeps + LEAST_SEARCH
    return replace(state, awaiting=Awaiting.JUDGE), (Ask(prompts.judge(state, step, site, may_redo=redo)),)


def take(site: SiteProgress, reading: Reading, *, trusted: bool, interval_s: float | None = None) -> SiteProgress:
    """The site after one more stored sweep, `interval_s` behind the one before."""
    site = replace(
        site, spent=site.spent + 1, refused=0, doubtful=0 if reading.valid and trusted else site.doubtful + 1
    )
    if site.verdict is None:
        return replace(site, history=(*site.history, reading))
    return replace(site, series=(*site.series, reading), intervals_s=(*site.intervals_s, interval_s))


def resumed(site: SiteProgress, step: SiteSeries) -> SiteProgress:
    """The site after a pause: limits are written again, and what is left of a broken train is confirmed once more.

    No single key starts a train, so that of the resume does not either.
    """
    whole = len(site.series) // step.task.count if isinstance(step.task, Trains) and site.verdict is not None else 0
    return replace(site, limited=False, trains_confirmed=min(site.trains_confirmed, whole))


def refuse_current(state: ExamState, step: SiteSeries, site: SiteProgress, current_ma: float) -> Step:
    """The operator will not go above the warning current: the search ends here, nothing is proved."""
    reason = f"the operator refused to go above {step.warn_ma:g} mA"
    if site.verdict is not None:
        return work(state, step, replace(site, ended=reason))
    if not site.history:
        return skip(state, step, f"{reason}, where the search begins ({current_ma:g} mA)")
    return _unproved(state, step, site, reason)


def refuse_train(state: ExamState, step: SiteSeries, site: SiteProgress) -> Step:
    """The operator gives no further train: what was taken is judged."""
    return work(state, step, replace(site, ended="the operator gave no further train"))


def enough(state: ExamState, step: SiteSeries, site: SiteProgress, reason: str) -> Step:
    """No more shocks here. What was taken is judged; a search that was not over ends without a plateau."""
    said = f"{prompts.where(step)[4:].capitalize()} ended: {reason}"
    told = (
        RecordEvent("enough", said, {"step": step.name, "reason": reason}),
        Tell(Notice("warning", said, {"step": step.name})),
    )
    site = replace(site, ended=reason)
    if site.verdict is not None:
        state, effects = work(replace(state, site=site), step, site)
    elif site.history:
        state, effects = _unproved(state, step, site, reason)
    else:
        state, effects = skip(state, step, reason)
    return state, (*told, *effects)


def accept(state: ExamState, step: SiteSeries, site: SiteProgress) -> Step:
    """The series stands."""
    assert site.verdict is not None
    assert site.complete is not None
    # Where the search is the measurement, or found nothing to go on with, its verdict is what was accepted.
    why = site.complete.reason if site.series else site.verdict.reason
    said = f"{prompts.where(step)[4:].capitalize()} accepted: {why}"
    notice = Notice("accepted", said, {"step": step.name, **site.complete.summary, "proved": site.verdict.proved})
    state = _leave(state, step, site.verdict)
    return state, (Tell(notice), Tell(prompts.progress(state)))


def no_response(state: ExamState, step: SiteSeries, site: SiteProgress, reason: str) -> Step:
    """The operator's word that there was none; the sweeps stay."""
    assert site.verdict is not None
    evidence = dict(site.verdict.evidence) | {"proved": False, "elicited": False, "operator": reason or "no response"}
    verdict = replace(
        site.verdict, proved=False, elicited=False, reason=f"no response: {reason}".rstrip(": "), evidence=evidence
    )
    notice = Notice("accepted", f"{prompts.where(step)[4:].capitalize()}: {verdict.reason}", {"step": step.name})
    state = _leave(state, step, verdict)
    return state, (RecordSearch(step.name, evidence), Tell(notice), Tell(prompts.progress(state)))


def redo(state: ExamState, step: SiteSeries, site: SiteProgress, reason: str) -> Step:
    """The site once more, from placing on; what was taken is put aside."""
    aside = _put_aside(site, f"redone: {reason}".rstrip(": "))
    fresh = SiteProgress(
        search=search_settings(state, step, spent=site.spent),
        spent=site.spent,
        limited=not site.trains_confirmed,
        noise=True,
        confirmed=site.confirmed,
        pass_number=site.pass_number + 1,
    )
    state, effects = work(replace(state, site=fresh), step, fresh)
    return state, (*aside, *effects)


def skip(state: ExamState, step: SiteSeries, reason: str) -> Step:
    """Leave the site without a result; what was taken is put aside."""
    aside = _put_aside(state.site, f"skipped: {reason}".rstrip(": ")) if state.site is not None else ()
    said = f"{prompts.where(step)[4:].capitalize()} skipped" + (f": {reason}" if reason else "")
    record = RecordEvent("skipped", said, {"step": step.name, "reason": reason})
    state = _leave(state, step, None)
    told = Tell(Notice("warning", said, {"step": step.name}))
    return state, (*aside, record, told, Tell(prompts.progress(state)))


def _limits(step: SiteSeries, site: SiteProgress) -> StimulusLimits:
    """What the device holds: the limits of single shocks until the first train is confirmed."""
    return step.task.limits if isinstance(step.task, Trains) and site.trains_confirmed else step.limits


def _shock(state: ExamState, step: SiteSeries, site: SiteProgress, shock: Shock) -> Step:
    if shock.current_ma > step.warn_ma * (1 + 1e-9) and not site.confirmed:
        ask = Ask(prompts.confirm_current(step, shock.current_ma))
        return replace(state, site=site, awaiting=Awaiting.CONFIRM), (ask,)
    if _unconfirmed_train(step, site):
        return replace(state, site=site, awaiting=Awaiting.TRAIN), (Ask(prompts.confirm_train(step, site)),)
    shot = Shot(
        stim_seq=state.next_seq,
        n=state.next_n,
        step=step,
        stimulus=Stimulus(step.side, step.site, shock.current_ma, shock.width_us or step.width_us),
        role=shock.role,
        why={**shock.why, "pass": site.pass_number, "kind": str(step.kind)},
        attempt=site.refused,
        spacing=_spacing(step, site),
    )
    state = replace(state, site=site, pending=shot, next_seq=state.next_seq + 1, awaiting=Awaiting.PREPARED)
    return state, (Prepare(shot),)


def _unconfirmed_train(step: SiteSeries, site: SiteProgress) -> bool:
    """Whether the next shock begins a train, or goes on with one, that the operator has not confirmed."""
    if site.verdict is None or not isinstance(step.task, Trains):
        return False
    return place_of(len(site.series), step.task).train > site.trains_confirmed


def _spacing(step: SiteSeries, site: SiteProgress) -> Spacing | None:
    """Within a train on the sample, before a train the rest."""
    task = step.task
    if site.verdict is None or not isinstance(task, Trains):
        return None
    if place_of(len(site.series), task).pulse == 1:
        return Spacing(task.rest_s, exact=False, limits=task.limits)
    return Spacing(1.0 / task.rate_hz, exact=True, limits=task.limits)


def _unproved(state: ExamState, step: SiteSeries, site: SiteProgress, reason: str) -> Step:
    """A search that somebody ended proves nothing, whatever the last currents looked like."""
    verdict = finish_search(step, site, reason)
    evidence = dict(verdict.evidence) | {"proved": False}
    return _found(state, step, site, replace(verdict, proved=False, confirmation=None, evidence=evidence))


def _found(state: ExamState, step: SiteSeries, site: SiteProgress, verdict: Finished) -> Step:
    """The search is over: the series at its current begins, with the confirming shock as its first."""
    evidence = {**verdict.evidence, "kind": str(step.kind), "pass": site.pass_number}
    verdict = replace(verdict, evidence=evidence)
    settings = series_settings(step, site, verdict)
    first = verdict.confirmation if isinstance(step.task, Conduction) else None
    series = (first,) if first is not None else ()
    site = replace(site, verdict=verdict, series_settings=settings, series=series)
    state, effects = work(replace(state, site=site), step, site)
    told = Tell(prompts.search_ended(step, verdict))
    return state, (RecordSearch(step.name, verdict.evidence), told, *effects)


def _completed(state: ExamState, step: SiteSeries, site: SiteProgress, done: Complete) -> Step:
    assert site.verdict is not None
    first = site.verdict.confirmation if isinstance(step.task, Conduction) else None
    effects: list[Effect] = [
        RecordJudgement(n, Role.REJECTED, "an outlier of its series")
        for n in done.outliers
        if first is None or n != first.n
    ]
    if first is not None and first.n in done.accepted:
        effects.append(RecordJudgement(first.n, Role.ACCEPT, "the confirmation is the first of the series"))
    if isinstance(step.task, Trains):
        effects += _trains(step, site, step.task)
    site, noted = mend.noted(step, replace(site, complete=done))
    state, asked = work(replace(state, site=site), step, site)
    return state, (*effects, *noted, *asked)


def _trains(step: SiteSeries, site: SiteProgress, task: Trains) -> list[Effect]:
    """The true rate of every train, written and told; a train that limped is told as a warning."""
    effects: list[Effect] = []
    for row in trains_given(site.intervals_s, task):
        notice = prompts.train_given(step, row)
        effects += [RecordEvent("train", notice.text, notice.detail), Tell(notice)]
    return effects


def _put_aside(site: SiteProgress, reason: str) -> tuple[Effect, ...]:
    numbers = dict.fromkeys(r.n for r in (*site.history, *site.series) if r.n)
    return tuple(RecordJudgement(n, Role.REJECTED, reason) for n in numbers)


def _leave(state: ExamState, step: SiteSeries, verdict: Finished | None) -> ExamState:
    results = dict(state.results)
    if verdict is not None:
        results[step.name] = verdict
    return replace(
        state,
        site=None,
        step_index=state.step_index + 1,
        results=MappingProxyType(results),
        awaiting=Awaiting.NOTHING,
    )
