"""The Synkinetic Correlation Test on the page and in the terminal: values, verdicts, pictures, nothing made up."""

import re
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from npr_daq.anatomy import Muscle, Side
from npr_daq.expression import Task
from npr_daq.findings import Findings, compute
from npr_daq.findings.synkinesis_rows import RepetitionRow, Sides, SynkinesisRow, ToneRow
from npr_daq.findings.table import TableView
from npr_daq.recording import Recording
from npr_daq.report import sections
from npr_daq.report.html import render
from npr_daq.report.patient_page import render_for_patient
from npr_daq.report.repetition_traces import task_traces
from npr_daq.report.synkinesis_tables import Moved, moved, moved_sides
from npr_daq.report.terminal import exam_table

HOSTILE = "<script>alert('x')</script> & \"more\""


@pytest.fixture(scope="module")
def plain(synthetic: ModuleType) -> Recording:
    recording: Recording = synthetic.Face(sites=()).recording()
    return recording


@pytest.fixture(scope="module")
def recording(moving_face: ModuleType, plain: Recording) -> Recording:
    return moving_face.moving(plain)


@pytest.fixture(scope="module")
def findings(moving_face: ModuleType, plain: Recording, recording: Recording) -> Findings:
    found = compute(plain)
    return moving_face.with_movement(replace(found, exam={**found.exam, "protocol": "synkinetic_correlation"}))


@pytest.fixture(scope="module")
def html(moving_face: ModuleType, recording: Recording, findings: Findings) -> str:
    return render(moving_face.exam(recording, findings))


def text_of(html: str) -> str:
    body = re.sub(r"<(style|svg).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def terminal(findings: Findings) -> list[str]:
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        console.print(exam_table(findings))
    return [line.rstrip() for line in captured.get().splitlines()]


def changed(findings: Findings, **changes: Any) -> Findings:
    return replace(findings, synkinesis=replace(findings.synkinesis, **changes))


def test_the_page_has_the_values_the_verdicts_and_the_sources(html: str) -> None:
    text = text_of(html)
    for said in (
        "SCT index: +0.91 (95 %: 0.62–1.20)", "4 declared pairs",
        "2.60 [2.17–3.12] 1.62 3.90 [2.86–5.20] present 5/6", "1.30 [1.08–1.56] 1.79", "cannot tell", "refused",
        "Formula open, version 1", "Bernardes 2018", "Funk 2026", "All other pairs (86)", "Resting tone",
        "(1) 1. no cross-talk coefficient from stimulation".replace("(1) 1. ", ""), "52 of 65 accepted",
        "held too short at once", "8.00 [7.80–8.40]", "they name no mechanism", "synkinetic 13.1", "+8.3",
        "2 kHz, 1.6 min",
    ):  # fmt: skip
        assert said in text, said
    assert "Not a medical device" in text
    assert not re.search(r"\b(nan|NaN|None|inf)\b", html)
    assert not re.search(r"https?:|<script|<link|<iframe", html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_the_maps_outline_declared_pairs_mark_movers_and_leave_what_is_unrecorded_blank(html: str) -> None:
    assert html.count('class="declared"') == 3 * 4
    assert html.count("<small>mover</small>") == 3 * 13
    assert html.count("<td><strong></strong></td>") == 3


def test_envelopes_are_those_of_the_accepted_repetitions(recording: Recording, findings: Findings, html: str) -> None:
    rows = findings.synkinesis.repetitions.where(task="pucker")
    found = task_traces(recording, "pucker", (Muscle.ORBICULARIS_ORIS,), rows)
    assert found is not None
    assert (found.made, found.hold_s) == (5, 3.0)
    uv = found.uv[Side.RIGHT, Muscle.ORBICULARIS_ORIS]
    # The findings number the steps otherwise than the recording: what was judged at once holds.
    assert uv.shape == (4, len(found.time_s))
    held = (found.time_s > 1.0) & (found.time_s < 2.5)
    assert np.allclose(uv[:, held].mean(), 104.0 * 0.63, rtol=0.05)
    assert np.nanmean(uv[:, found.time_s < -0.2]) < 4.5
    assert task_traces(recording, "frown", (Muscle.FRONTALIS,), rows) is None
    label = re.search(r'aria-label="(Envelopes[^"]*)"', html)
    assert label is not None
    assert "pucker, orbicularis oculi" in label[1]


def test_the_title_knows_steps_without_sweeps(recording: Recording, synthetic: ModuleType) -> None:
    assert sections.title(recording) == "Synkinetic Correlation Test"
    rest = replace(recording, captures=recording.captures[:1])
    assert sections.title(rest) == "Resting tone"
    both = replace(synthetic.Face(sites=()).recording(), header=recording.header, captures=recording.captures)
    assert sections.kinds(both) == {"movement", "rest"}
    sweeps = synthetic.Face(sites=("buccal",), currents_ma=dict.fromkeys(Side, (3.0,)), accepted=0).recording().sweeps
    both = replace(both, sweeps=sweeps)
    assert sections.title(both) == "Synkinetic Correlation Test, facial nerve conduction study"
    header = {**recording.header, "protocol": {"name": "first_visit"}}
    assert sections.title(replace(both, header=header)).startswith("First visit: Synkinetic")


def test_an_exam_of_tone_alone_makes_a_page(moving_face: ModuleType, recording: Recording, findings: Findings) -> None:
    alone = replace(findings, synkinesis=type(findings.synkinesis)(), following=TableView(type(findings.following[0])))
    html = render(moving_face.exam(replace(recording, captures=recording.captures[:1]), alone))
    assert "<h1>Resting tone</h1>" in html
    assert "Synkinetic" not in text_of(html).replace("Synkinetic Correlation Test, version", "")
    assert not moved(alone)
    assert not moved(replace(findings, synkinesis={"pairs": [], "index": None}))
    assert terminal(alone)[0].startswith("SIMULATED")


def test_a_missing_index_bounds_and_unknown_values_are_said(
    moving_face: ModuleType, findings: Findings, recording: Recording
) -> None:
    bare = moving_face.pair(
        Task.PUCKER, Muscle.ORBICULARIS_OCULI, q=None, q_ci95=None, normalised_q=None, affected_uv=float("nan"),
        verdict="refused", reasons=(HOSTILE,),
    )  # fmt: skip
    bound = moving_face.pair(Task.SMILE_OPEN, Muscle.ORBICULARIS_OCULI, q_censored=True, normalised_q_ci95=None)
    tries = [RepetitionRow("s", "pucker", 1, 2.0, 3.0, False, (HOSTILE,), "technician")]
    tone = [ToneRow("nasalis", None, 4.0, None, None, None, None, 0, Sides(), (HOSTILE,))]
    found = changed(
        findings, pairs=TableView(SynkinesisRow, [bare, bound]), repetitions=TableView(RepetitionRow, tries),
        index=None, index_ci95=None, index_pairs=1,
    )  # fmt: skip
    found = replace(found, tone=TableView(ToneRow, tone))
    html = render(moving_face.exam(recording, found))
    assert "not given, 1 of the 4 declared pairs could be compared" in text_of(html)
    assert "≥ 1.30 [1.08–1.56]" in text_of(html)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"\b(nan|NaN|None)\b", html)
    lines = terminal(found)
    assert any("≥ 1.30" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_the_terminal_fits_80_columns_and_names_what_stands_out_first(findings: Findings) -> None:
    wide = [
        replace(r, q=143.6, q_ci95=(101.2, 199.9), normalised_q=122.2, q_censored=True, reasons=tuple("abcd"))
        for r in findings.synkinesis.pairs
    ]
    for lines in (terminal(findings), terminal(changed(findings, pairs=TableView(SynkinesisRow, wide)))):
        assert max(map(len, lines)) <= 80
        assert not any("…" in line for line in lines)
        assert not any("nothing was measured" in line for line in lines)
    lines = terminal(findings)
    assert any(line.split()[:3] == ["pucker", "orb.", "oculi"] and "absent" in line for line in lines)
    begin = next(n for n, line in enumerate(lines) if line.startswith("Muscle"))
    assert lines[begin + 2].split()[0] == "nasalis"
    assert lines[begin + 9].split()[0] == "mentalis"


def test_nothing_is_shown_of_what_was_not_measured(moving_face: ModuleType, plain: Recording) -> None:
    assert moved(compute(plain)) == Moved()
    html = render(moving_face.exam(plain, compute(plain)))
    for words in ("Synkinetic", "Resting tone", "kind of following"):
        assert words not in html


def test_without_an_affected_side_nothing_is_judged_and_sides_keep_their_values(
    moving_face: ModuleType, plain: Recording
) -> None:
    recording = moving_face.moving(replace(plain, header={**plain.header, "affected": "none"}))
    found = compute(recording)
    sides = moved_sides(found)
    html = render(moving_face.exam(recording, found))
    text = text_of(html)
    assert "there is no affected side beside a healthy one" in text
    assert "not judged" in text
    assert "no published cut-off" not in text.partition("What kind of following")[0]
    assert f"{sides.first} / {sides.second}" in text
    row = next(row for row in found.synkinesis.pairs if (row.task, row.slave) == ("pucker", "orbicularis_oculi"))
    # The face moves that muscle along on the left.
    left, right = (row.affected_uv, row.healthy_uv) if sides.first == "left" else (row.healthy_uv, row.affected_uv)
    assert left is not None
    assert right is not None
    assert left > 3 * right
    side = f"{sides.one} = {sides.first}, {sides.two} = {sides.second}"
    assert side in text
    page = render_for_patient(moving_face.exam(recording, found))
    assert "compared with a well one" in page
    assert "could not be told today</strong>" not in page
