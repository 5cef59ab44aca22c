"""Prompts and notices in words, with the numbers beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from statistics import fmean
from typing import Any

from npr_daq.engine import mend
from npr_daq.engine.counted import TrainGiven, limps, place_of
from npr_daq.engine.effects import Shot
from npr_daq.engine.plan import PlanStep
from npr_daq.engine.reading import Reading
from npr_daq.engine.search import Finished
from npr_daq.engine.state import ExamState, SiteProgress
from npr_daq.engine.steps import Excitability, ImpedanceReading, Reflex, SiteSeries, StepKind, Trains
from npr_daq.operator import AnswerKind, Notice, Prompt, PromptKind
from npr_daq.protocol.words import site_words

_HELD = dict.fromkeys(StepKind, "cathode distal") | {
    StepKind.REFLEX: "cathode on the notch and below the anode, the eyes gently closed"
}
"""How the stimulator is held (clinical reference 4.2 for the reflex)."""

_WORK = {
    StepKind.CONDUCTION: "",
    StepKind.CROSSTALK: "what is picked up of neighbours, ",
    StepKind.LATE: "late responses, ",
    StepKind.REFLEX: "blink reflex, ",
    StepKind.TRAIN: "repetitive stimulation, ",
    StepKind.EXCITABILITY: "threshold, ",
}


def where(step: SiteSeries) -> str:
    """`the left buccal branch`."""
    return site_words(step.site).replace("the ", f"the {step.side} ", 1)


def place(step: SiteSeries, site: SiteProgress) -> Prompt:
    """Put the stimulator there; the limits that every arming of this site is confirmed against."""
    again = "again " if site.pass_number > 1 else ""
    return Prompt(
        PromptKind.PLACE,
        f"Place the stimulator {again}at {where(step)}, {_HELD[step.kind]} (max {step.cap_ma:g} mA).",
        (AnswerKind.DONE, AnswerKind.SKIP),
        side=step.side,
        site=step.site,
        step=step.name,
        detail={
            "cap_ma": step.cap_ma,
            "warn_ma": step.warn_ma,
            "width_us": step.width_us,
            "rate_hz": step.rate_hz,
            "start_ma": site.search.start_ma,
            "pass": site.pass_number,
            "kind": str(step.kind),
        },
    )


def confirm_current(step: SiteSeries, current_ma: float) -> Prompt:
    """The warning current would be exceeded."""
    return Prompt(
        PromptKind.CONFIRM_CURRENT,
        f"The next shock at {where(step)} is {current_ma:.1f} mA, above the warning current of {step.warn_ma:g} mA "
        f"(at most {step.cap_ma:g} mA here). Go on?",
        (AnswerKind.CONFIRM, AnswerKind.REFUSE),
        side=step.side,
        site=step.site,
        step=step.name,
        detail={"current_ma": current_ma, "warn_ma": step.warn_ma, "cap_ma": step.cap_ma},
    )


def confirm_train(step: SiteSeries, site: SiteProgress) -> Prompt:
    """A train comes next."""
    assert isinstance(step.task, Trains)
    assert site.series_settings is not None
    task, current_ma = step.task, site.series_settings.current_ma
    place = place_of(len(site.series), task)
    train, left = place.train, task.count - place.pulse + 1
    if place.pulse == 1:
        rest = f", after {task.rest_s:g} s of rest"
        what = f"Train {train} of {task.trains} at {where(step)}: {left} shocks"
    else:
        rest, what = "", f"Train {train} of {task.trains} at {where(step)} was broken off: its last {left} shocks"
    return Prompt(
        PromptKind.CONFIRM_TRAIN,
        f"{what} of {current_ma:.1f} mA at {task.rate_hz:g} Hz{rest}. Give {'it' if place.pulse == 1 else 'them'}?",
        (AnswerKind.CONFIRM, AnswerKind.REFUSE),
        side=step.side,
        site=step.site,
        step=step.name,
        detail={
            "current_ma": current_ma,
            "cap_ma": step.cap_ma,
            "train": train,
            "trains": task.trains,
            "count": left,
            "train_rate_hz": task.rate_hz,
            "rest_s": task.rest_s,
        },
    )


def train_given(step: SiteSeries, row: TrainGiven) -> Notice:
    """How a train went; a warning where it was not given as asked."""
    assert isinstance(step.task, Trains)
    count = step.task.count
    said = f"train {row.train} at {where(step)}: {row.shocks}{f' of {count}' if row.shocks < count else ''} shocks"
    if row.rate_hz is not None and row.longest_ms is not None:
        said += f" at {row.rate_hz:.2f} Hz"
        if limps(row.longest_ms, row.asked_hz):
            said += f", not regular: up to {row.longest_ms:.0f} ms apart, {1e3 / row.asked_hz:.0f} ms were asked for"
    if row.shocks > row.intervals + 1:
        said += "; broken off in between: not all intervals are known"
    detail = {"step": step.name, **asdict(row)}
    return Notice("train" if row.regular else "warning", said, detail)


def judge(state: ExamState, step: SiteSeries, site: SiteProgress, *, may_redo: bool) -> Prompt:
    """The series of a site is complete."""
    assert site.verdict is not None
    assert site.complete is not None
    verdict, complete = site.verdict, site.complete
    kept = [r for r in site.series if r.n in complete.accepted]
    redo = (AnswerKind.REDO,) if may_redo else ()
    proof = "supramaximal" if verdict.proved else f"not proved supramaximal ({verdict.reason})"
    if not verdict.elicited or isinstance(step.task, Reflex | Excitability):
        proof = verdict.reason
    advice = mend.advise(step, site)
    said = (proof if isinstance(step.task, Excitability) else f"{complete.reason}; {proof}") + mend.said(advice)
    own = (verdict.evidence.get("muscles") or {}).get(complete.summary.get("muscle"), {})
    return Prompt(
        PromptKind.JUDGE,
        f"{where(step)[4:].capitalize()} at {complete.summary['current_ma']:.1f} mA: {said}. Accept?",
        (AnswerKind.ACCEPT, *redo, AnswerKind.NO_RESPONSE, AnswerKind.SKIP),
        side=step.side,
        site=step.site,
        step=step.name,
        detail={
            **complete.summary,
            "kind": str(step.kind),
            "proved": verdict.proved,
            "elicited": verdict.elicited,
            "search": verdict.reason,
            "threshold_ma": verdict.threshold_ma,
            "cap_ma": step.cap_ma,
            "growth_percent": own.get("total_growth_percent"),
            "shocks": site.spent,
            "shocks_total": state.shocks,
            "shocks_expected": state.shocks_expected,
            "time_left_s": state.time_left_s,
            "muscles": averages(kept),
            "mend": [each.plain() for each in advice],
        },
    )


def paused(text: str, *, why: str, step: PlanStep | None) -> Prompt:
    """The run is paused; going on needs the operator, with this step or without it.

    `why` is one word: `trip`, `evidence` (shocks that were none), `refused` (by the device) or `asked`.
    """
    found = mend.likely(text) if why == "evidence" else None
    said = f"Paused: {text}{'' if found is None else f'; likely mend: {found}'}. The stimulator is off."
    detail = {"reason": text, "why": why, "mend": found}
    if step is None:
        return Prompt(PromptKind.PAUSED, said, (AnswerKind.RESUME,), detail=detail)
    choices = (AnswerKind.RESUME, AnswerKind.SKIP)
    if not isinstance(step, SiteSeries):
        return Prompt(PromptKind.PAUSED, said, choices, step=step.name, detail=detail)
    return Prompt(PromptKind.PAUSED, said, choices, side=step.side, site=step.site, step=step.name, detail=detail)


def latched(text: str) -> Prompt:
    """The device's fault is latched."""
    return Prompt(
        PromptKind.LATCHED,
        f"The device has latched a fault: {text}. Clear it at the device, then acknowledge.",
        (AnswerKind.ACKNOWLEDGE,),
        detail={"reason": text},
    )


def impedance_read(step: ImpedanceReading, rows: Sequence[Mapping[str, object]], bad: Sequence[str]) -> Notice:
    """What the electrode reading showed, in one line."""
    text = f"impedance: all {len(rows)} channels below {step.max_kohm:g} kohm"
    if bad:
        text = f"impedance: {len(bad)} of {len(rows)} channels outside the limits"
    return Notice("impedance", text, {"step": step.name, "bad": len(bad), "channels": len(rows)})


def step_begins(state: ExamState, step: PlanStep) -> Notice:
    """A step begins."""
    number, total = state.step_index + 1, len(state.plan.steps)
    detail: dict[str, Any] = {"step": step.name, "number": number, "of": total}
    if isinstance(step, SiteSeries):
        detail |= {"side": str(step.side), "site": str(step.site), "kind": str(step.kind)}
        return Notice("step", f"Step {number} of {total}: {_WORK[step.kind]}{where(step)}", detail)
    if not isinstance(step, ImpedanceReading):
        detail |= step.record()
        return Notice("step", f"Step {number} of {total}: {step.course()}", {**detail, "step": step.name})
    return Notice("step", f"Step {number} of {total}: electrode impedance", detail)


def swept(shot: Shot, reading: Reading, *, delivered_ma: float, reasons: Sequence[str]) -> Notice:
    """A sweep is durable."""
    answer = reading.responses.get(shot.step.headline)
    detail: dict[str, Any] = {
        "n": reading.n,
        "stim_seq": shot.stim_seq,
        "step": shot.step.name,
        "side": str(shot.step.side),
        "site": str(shot.step.site),
        "current_ma": shot.stimulus.current_ma,
        "role": str(shot.role),
        "kind": str(shot.step.kind),
        "delivered_ma": delivered_ma,
        "valid": reading.valid,
        "reject_reasons": list(reasons),
        "muscle": str(shot.step.headline),
        "muscles": {str(m): r.plain() for m, r in reading.responses.items()},
    }
    if answer is not None and answer.present:
        numbers = answer.plain()
        detail |= {k: numbers[k] for k in ("peak_to_peak_mv", "negative_peak_mv", "onset_latency_ms")}
    said = f"sweep {reading.n}: {shot.stimulus.current_ma:.1f} mA at {where(shot.step)}"
    return Notice("sweep", said, detail)


def progress(state: ExamState) -> Notice:
    """How far the exam is."""
    parts = []
    if left := state.repetitions_expected - state.repetitions:
        parts.append(f"{state.repetitions} repetitions, about {left} to go")
    if state.plan.sites:
        parts.append(f"{state.shocks} shocks, about {state.shocks_expected - state.shocks} to go")
    return Notice(
        "progress",
        "; ".join(parts),
        {
            "repetitions": state.repetitions,
            "repetitions_expected": state.repetitions_expected,
            "shocks": state.shocks,
            "shocks_expected": state.shocks_expected,
            "time_left_s": state.time_left_s,
            "step": state.step.name if state.step is not None else "",
        },
    )


def search_ended(step: SiteSeries, verdict: Finished) -> Notice:
    """The search of a site has its verdict."""
    return Notice(
        "search",
        f"{where(step)[4:].capitalize()}: {verdict.reason} ({verdict.current_ma:.1f} mA)",
        {
            "step": step.name,
            "proved": verdict.proved,
            "elicited": verdict.elicited,
            "current_ma": verdict.current_ma,
            "threshold_ma": verdict.threshold_ma,
        },
    )


def bad_electrodes(step: ImpedanceReading, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which electrodes are above the limits of the step, in words."""
    found = []
    for row in rows:
        g1, g2 = float(row["g1_kohm"]), float(row["g2_kohm"])
        if not max(g1, g2) < step.max_kohm:
            found.append(f"{row['name']}: {max(g1, g2):.1f} kohm, below {step.max_kohm:g} is needed")
        elif not abs(g1 - g2) < step.max_pair_difference_kohm:
            difference = abs(g1 - g2)
            found.append(
                f"{row['name']}: the pair differs by {difference:.1f} kohm, "
                f"below {step.max_pair_difference_kohm:g} is needed"
            )
    return found


def averages(readings: Sequence[Reading]) -> dict[str, Any]:
    """Mean amplitude and onset of each watched muscle, JSON-safe."""
    table: dict[str, Any] = {}
    for muscle in readings[0].responses if readings else ():
        answers = [r.responses[muscle] for r in readings]
        onsets = [a.onset_latency_ms for a in answers if isfinite(a.onset_latency_ms)]
        table[str(muscle)] = {
            "present": sum(a.present for a in answers),
            "peak_to_peak_mv": fmean(a.size_mv for a in answers),
            "onset_latency_ms": fmean(onsets) if onsets else None,
        }
    return table
