"""The report of exams that are no conduction study: each protocol has tables, pictures and sentences of its own."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.exam.exam import Exam, open_exam
from npr_daq.findings import compute
from npr_daq.findings.account import dose
from npr_daq.findings.late_rows import ExcitabilityRow, LateRow, ReflexRow, TrainRow
from npr_daq.findings.rows import Quality
from npr_daq.findings.table import TableView
from npr_daq.recording import Recording
from npr_daq.report.headline import headlines
from npr_daq.report.html import render
from npr_daq.report.rasters import GAINS_UV, SPAN, shown
from npr_daq.report.single_sweeps import single_sweeps
from npr_daq.report.terminal import exam_table
from npr_daq.storage.writer import write_exam


def late(side: str, recorded: str, **values: Any) -> LateRow:
    response = "F wave" if recorded == "nasalis" else "lateral spread"
    return LateRow(side, "buccal", recorded, response, 12.0, 8, **values)


ROWS: dict[str, dict[str, TableView[Any]]] = {
    "late": {
        "late": TableView(
            LateRow,
            [
                late("left", "nasalis", verdict="absent", persistence_percent=25.0, reasons=("nothing repeats",)),
                late("right", "nasalis", verdict="present", persistence_percent=75.0, minimum_ms=9.12, mean_ms=9.5,
                     maximum_ms=10.0, f_over_m_percent=4.2),
                late("left", "mentalis", verdict="present", mean_ms=10.4, latency_sd_ms=0.3, amplitude_uv=123.0),
                late("right", "mentalis", verdict="absent", amplitude_uv=8.0),
                late("left", "orbicularis_oculi", verdict="cannot tell", mean_ms=7.9, reasons=("a tail, perhaps",)),
            ],
        )
    },
    "reflex": {
        "reflex": TableView(
            ReflexRow,
            [
                ReflexRow("left", "left", "orbicularis_oculi", 5.0, 8, "R1, R2", r1_latency_ms=12.4,
                          r1_latency_sd_ms=0.2, r2_latency_ms=36.0, verdict="present"),
                ReflexRow("left", "right", "orbicularis_oculi", 5.0, 8, "R2c", r2_latency_ms=33.0, verdict="present"),
                ReflexRow("right", "right", "orbicularis_oculi", 5.0, 8, "R1, R2", r1_latency_ms=10.9,
                          r2_latency_ms=32.0, verdict="present"),
                ReflexRow("right", "left", "orbicularis_oculi", 5.0, 8, "R2c", verdict="absent"),
                ReflexRow("left", "left", "mentalis", 5.0, 8, "synkinetic", r2_latency_ms=37.0, verdict="present"),
                ReflexRow("left", "right", "mentalis", 5.0, 8, "synkinetic", verdict="absent"),
            ],
        )
    },
    "train": {
        "train": TableView(
            TrainRow,
            [
                TrainRow(side, "buccal", "nasalis", train, 3.0, 4, 12.0, 2.0, fall, "fourth over first", fall, 1.0,
                         (2.0, 1.9, None, 1.8), Quality(train == 1, () if train == 1 else ("the face moved",)))
                for side, fall in (("left", 10.0), ("right", -0.4))
                for train in (1, 2)
            ],
        )
    },
    "excitability": {
        "excitability": TableView(
            ExcitabilityRow,
            [
                ExcitabilityRow("left", "buccal", "nasalis", 200.0, 4.4, 4.2, 4.6, 12, 4, 1.3, "present"),
                ExcitabilityRow("right", "buccal", "zygomaticus", 200.0, 3.1, None, 3.1, 9, 2, None, "present"),
                ExcitabilityRow("left", "cervical", "platysma", 200.0, None, 25.0, None, 9, 0, None, "absent"),
            ],
        )
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def exam_of(of_kind: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exam]:
    """An exam of one kind of step whose findings are the rows above."""
    folder = tmp_path_factory.mktemp("protocols")
    made: dict[str, Exam] = {}

    def exam(kind: str) -> Exam:
        if kind not in made:
            recording = of_kind(kind)
            found = replace(compute(replace(recording, sweeps=())), dose=dose(recording), **ROWS[kind])
            write_exam(recording, found.tables(), folder / f"{kind}.h5", findings_json=found.to_json())
            made[kind] = open_exam(folder / f"{kind}.h5")
        return made[kind]

    return exam


def plain(html: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


SAID = {
    "late": (
        "Facial nerve: F wave and lateral spread",
        ["affected side (left) absent; healthy side (right) present in 75 % of 8 sweeps, minimum 9.1 ms",
         "affected side (left) 1 of 2 pairs (buccal → mentalis at 10.4 ms, 123 µV), 1 cannot be told; healthy side "
         "(right) none of 1 pairs",
         "(25)", "(8)", "left: nothing repeats", "left: a tail, perhaps", "5 ms/div", "µV/div"],
    ),
    "reflex": (
        "Blink reflex",
        ["R1 affected eye 12.4 ms, healthy eye 10.9 ms (difference +1.5 ms)",
         "R2c affected eye not elicited, healthy eye 33.0 ms",
         "answer the blink: affected side (left) mentalis; healthy side (right) none", "12.4 ± 0.2", "10 ms/div",
         "right Supraorbital nerve 8"],
    ),
    "train": (
        "Facial nerve: repetitive stimulation",
        ["affected side (left) +10.0 % over 1 of 2 trains; healthy side (right) −0.4 % over 1 of 2 trains",
         "+10.0 !", "left: the face moved", "2.00 1.90 – 1.80", "not acceptable", "fourth over first"],
    ),
    "excitability": (
        "Facial nerve: excitability thresholds",
        ["Thresholds, affected − healthy: buccal +1.30 mA.", "No threshold found: left cervical.",
         "threshold may lie lower: right buccal", "≤ 3.10", "> 25.00", "4.20–4.60", "NT",
         "Buccal 200 µs nasalis zygomaticus 4.40 3.10"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(SAID))
def test_a_page_of_its_own(exam_of: Callable[[str], Exam], kind: str) -> None:
    title, said = SAID[kind]
    html = render(exam_of(kind))
    text = plain(html)
    assert f"<h1>{title}</h1>" in html
    for words in said:
        assert words in text, words
    assert html.count("<svg") >= 1
    assert "Motor conduction" not in text
    assert "Nothing was measured." not in text
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for link in re.findall(r'href="#([^"]+)"', html):
        assert link in ids
    assert not re.search(r"https?:|<script|<link|<iframe", html)


@pytest.mark.parametrize("kind", list(SAID))
def test_the_terminal_prints_it_in_80_columns(exam_of: Callable[[str], Exam], kind: str) -> None:
    exam = exam_of(kind)
    console = Console(width=80, no_color=True)
    with console.capture() as captured:
        console.print(exam_table(exam.findings))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert "SIMULATED DATA" in lines[0]
    assert "nothing was measured" not in captured.get()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    whole = " ".join(" ".join(lines).split())
    for sentence in headlines(exam.findings):
        assert sentence in whole


def test_what_was_not_measured_is_not_told_as_absent(exam_of: Callable[[str], Exam]) -> None:
    lates = [late("left", "nasalis"), late("left", "mentalis"), late("right", "mentalis", verdict="absent")]
    blinks = [
        ReflexRow("left", "left", muscle, 5.0, 3, words)
        for muscle, words in (("orbicularis_oculi", "R1, R2"), ("mentalis", "synkinetic"))
    ]
    found = replace(exam_of("late").findings, late=TableView(LateRow, lates), reflex=TableView(ReflexRow, blinks))
    said = " ".join(headlines(found))
    assert "affected side (left) too few sweeps; healthy side (right) none of 1 pairs" in said
    assert "R1 affected eye too few sweeps, healthy eye not tested" in said
    assert "answer the blink: affected side (left) too few sweeps" in said
    assert "not elicited" not in said


def test_a_raster_leaves_out_what_is_silent(exam_of: Callable[[str], Exam]) -> None:
    findings = exam_of("late").findings
    assert shown(findings, Branch.BUCCAL) == [Muscle.NASALIS, Muscle.MENTALIS]
    assert set(GAINS_UV) <= {100.0, 200.0, 500.0}


def test_single_sweeps_stand_on_one_axis(of_kind: Callable[..., Recording], synthetic: Any) -> None:
    recording = of_kind("late", noise_uv=0.5, missing=True)
    first, second = single_sweeps(recording, "late", SPAN)
    assert {first.side, second.side} == {Side.LEFT, Side.RIGHT}
    uv = second.of(second.side, Muscle.NASALIS)
    assert uv is not None
    assert uv.shape == (8, len(SPAN.time_ms))
    assert abs(np.nanmedian(uv[:, SPAN.time_ms < 0])) < 1.0
    rise = synthetic.LATENCY_MS[Muscle.NASALIS]
    trough = SPAN.time_ms[np.nanargmin(uv, axis=1)]
    assert np.allclose(trough, rise + 1.5, atol=0.2)
    assert second.of(second.side, Muscle.PLATYSMA) is None
    # The samples that never arrived lie 80 ms behind the stimulus, outside the picture.
    assert np.isfinite(uv).all()
    assert single_sweeps(recording, "train", SPAN) == ()
