"""The clinician's report: one HTML file that needs nothing else, no network, no script."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from npr_daq.anatomy import HEADLINE, Branch, Side
from npr_daq.exam.exam import Exam
from npr_daq.findings.findings import Findings
from npr_daq.findings.normed import beside_norms
from npr_daq.findings.series import Series, collect
from npr_daq.findings.supramaximal import Curve, curve
from npr_daq.reference import Norms, shipped_norms
from npr_daq.report import (
    charts,
    comparison,
    facts,
    norm_chart,
    onsets,
    reference,
    sections,
    sheets,
    waveforms,
    wording,
    words,
)
from npr_daq.report.headline import headlines as further_sentences
from npr_daq.report.page_file import package_text, write_page

ROWS_A_SHEET = 6


def write_report(exam: Exam, path: str | Path, *, norms: Norms | None = None) -> Path:
    """Write the report of `exam` to `path` and return it; an existing file is replaced in one move.

    Numbers are the stored findings, traces the raw sweeps. `norms` are the reference values to put beside them; None:
    those that the findings were stored with. RecordingError when the file cannot be written; an
    existing one is then as it was.
    """
    return write_page(Path(path), render(exam, norms=norms))


def render(exam: Exam, *, norms: Norms | None = None) -> str:
    """The report as HTML text; `norms` as in `write_report`."""
    environment = Environment(
        loader=FunctionLoader(package_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.j2")
    return template.render(style=Markup(package_text("page.css")), **_context(exam, norms))


def _context(exam: Exam, norms: Norms | None) -> dict[str, Any]:
    recording = exam.recording
    intake = recording.header.get("intake") or {}
    findings = _beside(exam.findings, norms, intake)
    lone = words.no_healthy_side(findings)
    kinds = sections.kinds(recording)
    # Without any step the page says that nothing was measured.
    conducted = not kinds or sections.CONDUCTION in kinds or bool(findings.conduction)
    series, curves = _traces(exam) if conducted else ({}, {})
    parts = sections.sections(findings, recording)
    headlines = words.pairs(findings, every_muscle=False)
    further = [pair for pair in words.pairs(findings, every_muscle=True) if pair not in headlines]
    first, second, one, two = words.sides(findings)
    # A sheet of paper holds six rows of traces.
    more = [
        Markup(waveforms.stacked(findings, series, further[place : place + ROWS_A_SHEET], name=f"further{place}"))
        for place in range(0, len(further), ROWS_A_SHEET)
    ]
    figures = {
        "traces": waveforms.stacked(findings, series, headlines, name="traces"),
        "ratios": charts.ratios(findings),
        "norms": norm_chart.beside_norms(findings) if lone and conducted else "",
        "recruitment": charts.recruitment(findings, curves),
    }
    return {
        "findings": findings,
        "quality": findings.quality,
        "simulated": bool(findings.exam.get("simulated")),
        "recovered": recording.recovered,
        "patient": facts.patient(findings, intake),
        "setting": facts.setting(findings, recording),
        "letters": (one, two),
        "numerator": words.numerator_words(findings),
        "side_names": (wording.side_of(findings, first), wording.side_of(findings, second)),
        "table": sheets.table_one(findings),
        "markers": words.MARKERS,
        # The figures are our own SVG; every text in them went through matplotlib's escaping.
        "figures": {name: Markup(svg) for name, svg in figures.items()},
        "further": more,
        "title": sections.title(recording),
        "conducted": conducted,
        "parts": parts,
        # The matrix holds what the simpler table holds, and more.
        "spread": () if any(part.maps for part in parts) else sheets.spread(findings),
        "caution": sheets.CAUTION,
        "shade_mv": sheets.FIRST_SHADE_MV,
        "dose": sheets.dose(findings),
        "impedances": sheets.impedances(findings, {c.index: c.name for c in recording.montage.channels}),
        "notes": wording.notes(findings),
        "within": words.WITHIN,
        "sentences": [*(wording.sentences(findings, intake) if conducted else ()), *further_sentences(findings)],
        "lone": lone,
        "comparison": comparison.table(findings),
        "onsets": onsets.onset_lines(findings),
        "norm_lines": reference.table(findings) if lone and conducted else [],
        "evidence": reference.EVIDENCE,
        "refused": reference.refused_for_age(findings),
        "reference": reference.set_words(findings.provenance),
        "movement_gates": facts.movement_gates() if sections.MOVEMENT in kinds else "",
        "stimulated": bool(recording.sweeps) or not kinds,
        "raw_sha256": exam.attrs.get("raw_sha256"),
        "file_name": exam.path.name,
    }


def _beside(findings: Findings, norms: Norms | None, intake: Mapping[str, Any]) -> Findings:
    """The findings beside the chosen reference values; those that were stored without any, beside the shipped set."""
    if norms is None and "reference" in findings.provenance:
        return findings
    return beside_norms(findings, norms or shipped_norms(), intake)


def _traces(exam: Exam) -> tuple[dict[tuple[Side, Branch], Series], dict[tuple[Side, Branch], tuple[Curve, int]]]:
    """Series and recruitment curve of every site, with the parameters of the stored findings."""
    series: dict[tuple[Side, Branch], Series] = {}
    curves: dict[tuple[Side, Branch], tuple[Curve, int]] = {}
    headlines = dict(words.pairs(exam.findings, every_muscle=False))
    for branch in Branch:
        for side in Side:
            found = collect(exam.recording, side, branch, exam.parameters)
            if found is None:
                continue
            series[side, branch] = found
            row = found.row(headlines.get(branch, HEADLINE[branch]))
            if row is not None:
                curves[side, branch] = (curve(exam.recording, found, exam.parameters), row)
    return series, curves
