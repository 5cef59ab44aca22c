"""The patient's page: plain words, both sides, pictures with alternatives, no name, no promise."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.cli.report import register
from npr_daq.expression import Task
from npr_daq.findings import Findings, compute
from npr_daq.findings.synkinesis_rows import Sides
from npr_daq.findings.table import TableView
from npr_daq.montage import standard_montage
from npr_daq.recording import Recording
from npr_daq.report.patient_page import render_for_patient, write_patient_page
from npr_daq.storage.writer import write_exam

JARGON = (
    "synkin", "ratio", "correlat", "emg", "rms", "µv", "mv", "conduct", "stimul", "latency", "amplitude", "index",
    "frontalis", "orbicularis", "oculi", "oris", "zygomatic", "nasalis", "depressor", "anguli", "mentalis", "platysma",
    "temporal", "buccal", "mandibular", "cervical", "trunk", "paresis", "palsy", "diagnos", "lesion", "affected",
    "healthy side", "interval", "reflex", "verdict", "indeterminate", "refused", "censored", "cut-off", "protocol",
    "abnormal", "patholog", "severe", "cure", "recover", "nan", "none ", "sct", "n/a",
)  # fmt: skip
ALLOWED = ("none on the",)


@pytest.fixture(scope="module")
def nerve(synthetic: ModuleType) -> Recording:
    face = synthetic.Face(
        sites=(Branch.TEMPORAL, Branch.BUCCAL), kept={Branch.BUCCAL: 0.4, Branch.TEMPORAL: 0.0},
        currents_ma=dict.fromkeys(Side, (3.0, 7.2, 8.6, 10.4)),
        montage=standard_montage((Muscle.FRONTALIS, Muscle.NASALIS)),
    )  # fmt: skip
    recording: Recording = face.recording()
    return recording


@pytest.fixture(scope="module")
def conducted(nerve: Recording) -> Findings:
    return compute(nerve)


@pytest.fixture(scope="module")
def whole(moving_face: ModuleType, nerve: Recording, conducted: Findings) -> str:
    """Movements and rest alone."""
    bare = replace(conducted, conduction=conducted.conduction[:0], symmetry=conducted.symmetry[:0])
    return render_for_patient(moving_face.exam(moving_face.moving(nerve), moving_face.with_movement(bare)))


def said(html: str) -> str:
    """What is read or spoken: text and the alternatives of pictures."""
    body = re.sub(r"<style.*?</style>", " ", html, flags=re.DOTALL)
    labels = " ".join(re.findall(r'aria-label="([^"]*)"', body))
    return unescape(" ".join(f"{re.sub(r'<[^>]+>', ' ', body)} {labels}".split()))


def assert_plain(html: str) -> None:
    text = said(html).lower()
    for words in ALLOWED:
        text = text.replace(words, "")
    for word in JARGON:
        assert not re.search(rf"\b{re.escape(word)}", text), word
    assert not re.search(r"\d\.\d", text)


def test_it_has_pictures_with_alternatives_and_no_jargon(whole: str) -> None:
    assert_plain(whole)
    labels = re.findall(r'<svg [^>]*role="img" aria-label="([^"]+)"', whole)
    assert len(labels) == whole.count("<svg") == 3
    assert labels[0].startswith("Picture of a face. How strongly each part moves. Forehead:")
    assert "when you close your eyes tightly, the lips on the left: moves along" in labels[2]
    text = said(whole)
    for words in (
        "Measured on 1 January 2025", "SIMULATED DATA", "Not measured this time: how strongly the nerve answers",
        "more tension on the left: about twice as much as on the right", "about the same on both sides",
        "no clear moving along", "could not be told today", "ask your therapist", "Test number 0a1b2c3d",
    ):  # fmt: skip
        assert words in text, words
    assert not re.search(r"https?:|<script|<link|<iframe", whole)
    assert "P-0042" not in whole


def test_letters_are_large_enough_on_a_phone(whole: str) -> None:
    size = re.search(r"svg\.face text \{ font: bold (\d+)px", whole)
    narrowest = re.search(r"min-width: (\d+)px", whole)
    assert size is not None
    assert narrowest is not None
    assert int(size[1]) * int(narrowest[1]) / 320 >= 16
    assert all(int(px) >= 16 for px in re.findall(r"html \{ font-size: (\d+)px", whole))
    assert 'name="viewport"' in whole


def test_a_weak_side_is_told_in_tens(moving_face: ModuleType, nerve: Recording, conducted: Findings) -> None:
    found = moving_face.with_movement(conducted, (Task.PUCKER, Task.SMILE_OPEN))
    pairs = [replace(row, master_uv=Sides(22.0, 55.0)) for row in found.synkinesis.pairs]
    weak = replace(found, synkinesis=replace(found.synkinesis, pairs=TableView(type(pairs[0]), pairs)))
    text = said(render_for_patient(moving_face.exam(moving_face.moving(nerve), weak)))
    assert "moves less on the left: about 40 percent of the right" in text
    assert "Forehead: moves" not in text
    assert "How much of the nerve’s answer is there" in text


def test_nerve_tests_alone_make_a_page(moving_face: ModuleType, nerve: Recording, conducted: Findings) -> None:
    html = render_for_patient(moving_face.exam(nerve, conducted))
    assert_plain(html)
    text = said(html)
    assert "answers less on the left: about 40 percent of the right" in text
    assert "an answer was found on the right, none on the left today" in text
    assert "Not measured this time: movements of the face, and which parts move along; the tension" in text
    assert html.count("<svg") == 1


def test_hostile_words_of_the_file_do_not_reach_it(
    moving_face: ModuleType, nerve: Recording, conducted: Findings
) -> None:
    exam = {**conducted.exam, "id": "<b>-1", "created": "<i>now</i>", "subject": "Ms Example", "simulated": False}
    html = render_for_patient(moving_face.exam(nerve, replace(conducted, exam=exam)))
    assert "<i>" not in html
    assert "<b>" not in html
    assert "Ms Example" not in html
    assert "SIMULATED" not in html


def test_the_command_writes_it_beside_the_exam(
    moving_face: ModuleType, nerve: Recording, conducted: Findings, tmp_path: Path
) -> None:
    path = tmp_path / "e.h5"
    write_exam(nerve, conducted.tables(), path, findings_json=conducted.to_json())
    app = typer.Typer()
    register(app)
    done = CliRunner().invoke(app, [str(path), "--for", "patient"])
    assert done.exit_code == 0, done.output
    page = tmp_path / "e-patient.html"
    assert "Your face test" in page.read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o077 == 0
    refused = CliRunner().invoke(app, [str(path), "--for", "friend"])
    assert refused.exit_code == 2
    assert write_patient_page(moving_face.exam(nerve, conducted), tmp_path / "other.html").exists()
