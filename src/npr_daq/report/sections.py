"""The parts of the page that are no direct conduction: movements, late responses, reflex, trains, spread."""

from collections.abc import Sequence

from markupsafe import Markup

from npr_daq.anatomy import Branch
from npr_daq.findings.findings import Findings
from npr_daq.recording import Recording
from npr_daq.report import blinks, rasters, threshold_chart, train_charts, words
from npr_daq.report.late_sheets import late_sheets
from npr_daq.report.movement_sections import Section, following_section, synkinesis_section, tone_section
from npr_daq.report.reflex_sheets import reflex_sheets
from npr_daq.report.single_sweeps import SingleSweeps, single_sweeps
from npr_daq.report.spread_map import spread_maps
from npr_daq.report.train_sheets import threshold_sheets, train_sheets

CONDUCTION = "conduction"
MOVEMENT, REST, CROSSTALK = "movement", "rest", "crosstalk"
TITLES = {
    MOVEMENT: "Synkinetic Correlation Test",
    CONDUCTION: "Facial nerve conduction study",
    "late": "Facial nerve: F wave and lateral spread",
    "reflex": "Blink reflex",
    "train": "Facial nerve: repetitive stimulation",
    "excitability": "Facial nerve: excitability thresholds",
    REST: "Resting tone",
}
"""What a page is called, by the kinds of its steps; the first kind that an exam has."""
SECONDARY = {REST, CROSSTALK}
"""Kinds that belong to another test where there is one."""


def kinds(recording: Recording) -> set[str]:
    """The kinds of the steps that have sweeps, and those that are continuous."""
    planned = {str(s["name"]): str(s["kind"]) for s in recording.header.get("steps") or ()}
    continuous = {planned.get(capture.step, "") for capture in recording.captures} & {MOVEMENT, REST}
    return {recording.kind_of(step) for step in recording.steps} | continuous


def title(recording: Recording) -> str:
    """What the page is called."""
    found = kinds(recording)
    found = (found - SECONDARY) or found - {CROSSTALK}
    named = [text for kind, text in TITLES.items() if kind in found]
    if MOVEMENT in found and len(named) > 1:
        first, *rest = named
        plain = [text.removeprefix("Facial nerve: ") for text in rest]
        together = ", ".join([first, *(text[:1].lower() + text[1:] for text in plain)])
        protocol = recording.header.get("protocol") or {}
        return f"First visit: {together}" if str(protocol.get("name")).startswith("first_visit") else together
    # Two kinds that are no conduction study have no name in common.
    return named[0] if len(named) == 1 or CONDUCTION in found else "Facial nerve study" if named else TITLES[CONDUCTION]


def sections(findings: Findings, recording: Recording) -> tuple[Section, ...]:
    """Every part that has something to show, in the order of the page."""
    found = (
        synkinesis_section(findings, recording), tone_section(findings), _spread(findings),
        _late(findings, recording), _blink(findings, recording), _trains(findings, recording), _thresholds(findings),
        following_section(findings),
    )  # fmt: skip
    return tuple(section for section in found if section is not None)


def _late(findings: Findings, recording: Recording) -> Section | None:
    sheets = late_sheets(findings)
    if not sheets:
        return None
    sweeps = single_sweeps(recording, "late", rasters.SPAN)
    figures: list[tuple[str, str]] = []
    for branch in Branch:
        text = (
            f"{words.BRANCHES[branch]} branch stimulated: every accepted sweep on a line of its own, not averaged, "
            f"negative up, as recorded (the stimulus artefact not taken off); a direct response is cut off at "
            f"{rasters.CUT_DIVISIONS:g} divisions. Same gain on both sides of a row. Dashed: stimulus, t = 0; grey: "
            "late window; dotted: minimum and maximum F latency, or mean latency of the lateral spread. Muscles "
            f"without a late response are left out but for those looked at by convention. "
            f"{_drawn(sweeps, rasters.SPAN.step_ms)}"
        )
        figures += [(svg, text) for svg in rasters.rasters(findings, sweeps, branch)]
    return Section("late", "Late responses", sheets=sheets, figures=_kept(figures))


def _blink(findings: Findings, recording: Recording) -> Section | None:
    sheets = reflex_sheets(findings)
    if not sheets:
        return None
    sweeps = single_sweeps(recording, "reflex", blinks.SPAN)
    how = (
        "negative up, as recorded (the stimulus artefact not taken off, cut off at the edge of the panel), sweeps "
        f"superimposed, same gain on both sides. Dashed: stimulus, t = 0; vertical lines every {blinks.DIVISION_MS:g} "
        f"ms; dotted: onsets of R1 and R2. {_drawn(sweeps, blinks.SPAN.step_ms)}"
    )
    figures = [
        (blinks.eyes(findings, sweeps), f"Both orbiculares oculi while the one or the other side is stimulated; {how}"),
        *(
            (svg, f"Other muscles: orbicularis oris and mentalis by convention, and all that are not silent; {how}")
            for svg in blinks.others(findings, sweeps)
        ),
    ]
    return Section("blink", "Blink reflex", sheets=sheets, figures=_kept(figures))


def _trains(findings: Findings, recording: Recording) -> Section | None:
    sheets = train_sheets(findings)
    if not sheets:
        return None
    sweeps = single_sweeps(recording, "train", train_charts.SPAN)
    text = (
        "Above: the responses of each train from left to right, negative up, as recorded, same gain on both sides; the "
        f"time between them is not drawn to scale ({train_charts.PITCH_MS:g} ms from one to the next here). Dashed: "
        "stimuli. Below: every response in percent of the first of its train; dotted where the train is not "
        "acceptable. "
    )
    figures = [
        (train_charts.trains(findings, sweeps, place, name=f"train{number}"), text + _drawn(sweeps, 0.1))
        for number, place in enumerate(train_charts.places(findings))
    ]
    return Section("train", "Repetitive stimulation", sheets=sheets, figures=_kept(figures))


def _thresholds(findings: Findings) -> Section | None:
    sheets = threshold_sheets(findings)
    if not sheets:
        return None
    figure = (threshold_chart.thresholds(findings), "Thresholds of both sides at each site with their brackets.")
    return Section("thresholds", "Excitability thresholds", sheets=sheets, figures=_kept([figure]))


def _spread(findings: Findings) -> Section | None:
    maps = spread_maps(findings)
    if not maps:
        return None
    intro = (
        "Every muscle at every branch: what is left of the response after volume conduction at zero lag is taken off, "
        "in percent of the muscle’s direct response to its own branch, with its 95 % interval; then its size as "
        "recorded, its percent as recorded, and the share of its energy that copies of the supplied muscles "
        "explain (copied). “own”: the branch supplies the muscle. “grows”: it still grows beyond the plateau of "
        "the branch’s own muscle, as spread of current does. Pale below 2 % and where there is no late "
        "response, shaded only where the interval lies above zero; ▲ more and ▼ less mark a difference of 2 points or "
        "more whose interval holds no zero. What the data cannot separate says so in words."
    )
    return Section("spread", "Evoked spread matrix", intro=intro, maps=maps)


def _drawn(sweeps: Sequence[SingleSweeps], step_ms: float) -> str:
    """Sampling and filter of what is drawn."""
    rates = sorted({one.rate_hz for one in sweeps})
    sampled = ", ".join(f"{rate / 1e3:g} kHz" for rate in rates)
    return f"Sampled at {sampled}; drawn as means over {step_ms:g} ms, no other filter." if rates else ""


def _kept(figures: Sequence[tuple[str, str]]) -> tuple[tuple[Markup, str], ...]:
    # The figures are our own SVG; every text in them went through matplotlib's escaping.
    return tuple((Markup(svg), text) for svg, text in figures if svg)
