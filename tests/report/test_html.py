"""The HTML report: whole, self-contained, escaped, accessible, and telling what is withheld."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.errors import RecordingError
from npr_daq.exam.exam import Exam, open_exam
from npr_daq.exam.seal import findings_or_reason
from npr_daq.montage import standard_montage
from npr_daq.recording import Event, Gap, Recording, Role
from npr_daq.report.html import render, write_report
from npr_daq.storage.writer import write_exam

VOID = {"meta", "br", "link", "img", "hr", "input", "col"}


class Page(HTMLParser):
    """Checks nesting and collects what the tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def seal(tmp_path: Path) -> Callable[[Recording], Exam]:
    def made(recording: Recording) -> Exam:
        found = findings_or_reason(recording, None)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5"
        write_exam(recording, found.tables(), path, findings_json=found.to_json())
        return open_exam(path)

    return made


@pytest.fixture
def small(synthetic: ModuleType) -> Callable[..., Recording]:
    """One site of both sides with few shocks and few channels, so that a report takes little time."""

    def made(**changes: Any) -> Recording:
        plain = {
            "sites": (Branch.BUCCAL,),
            "currents_ma": dict.fromkeys(Side, (3.0, 7.2, 8.6, 10.4)),
            "montage": standard_montage((Muscle.FRONTALIS, Muscle.NASALIS)),
        }
        recording: Recording = synthetic.Face(**(plain | changes)).recording()
        return recording

    return made


@pytest.fixture(scope="module")
def exam(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Exam:
    face = synthetic.Face(kept={Branch.BUCCAL: 0.4, Branch.TEMPORAL: 0.0, Branch.CERVICAL: 0.6})
    recording = face.recording()
    found = findings_or_reason(recording, None)
    path = tmp_path_factory.mktemp("report") / "e.h5"
    write_exam(recording, found.tables(), path, findings_json=found.to_json())
    return open_exam(path)


@pytest.fixture(scope="module")
def html(exam: Exam) -> str:
    return render(exam)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_it_parses_and_ids_are_unique(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("svg") == 5


def test_nothing_outside_is_referenced(html: str, page: Page) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<iframe|<object", html)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "xlink:href", "data", "action"):
            assert value is not None, (tag, name)
            assert value.startswith("#"), (tag, name, value)
            assert value[1:] in page.ids, value
        assert not name.startswith("on"), (tag, name)


def test_every_branch_is_in_table_and_traces(page: Page) -> None:
    for name in ("Trunk", "Temporal", "Zygomatic", "Buccal", "Marginal mandibular", "Cervical"):
        assert page.text.count(name) >= 3
    for unit in ("mA", "ms", "mV", "mV·ms", "µC", "mJ", "%"):
        assert unit in page.text


def test_it_says_what_it_is(page: Page) -> None:
    assert page.text.count("SIMULATED DATA") >= 2
    assert "For research use only. Not a medical device." in page.text
    assert "P-0042" in page.text
    assert "13 months (day 400)" in page.text
    assert "2025-01-01 00:00 UTC" in page.text
    assert "20 kHz" in page.text
    assert "facial-16" in page.text


def test_withheld_ratios_have_their_reason(page: Page) -> None:
    assert "ratio withheld: left side: not elicited" in page.text
    assert "no response at 10.4 mA" in page.text
    assert "NR" in page.text


def test_figures_have_labels_and_headers_have_a_scope(page: Page) -> None:
    labels = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(labels) == 5
    assert any("Buccal nasalis: left 1.28 mV, right 3.20 mV" in (label or "") for label in labels)
    scoped = sum(1 for tag, name, _ in page.attributes if tag == "th" and name == "scope")
    assert scoped == page.tags.count("th")


def test_the_same_exam_gives_the_same_page(small: Callable[..., Recording], seal: Callable[[Recording], Exam]) -> None:
    exam = seal(small())
    assert render(exam) == render(exam)


def test_what_was_not_asked_is_not_denied(small: Callable[..., Recording], seal: Callable[[Recording], Exam]) -> None:
    text = Page(render(seal(small(header={"intake": {}})))).text
    for name in ("SAQ", "Botulinum toxin", "Surgery"):
        assert f"{name} not asked / not recorded" in text
    assert "Age, sex not recorded" in text
    assert "not recorded years" not in text
    assert "none recorded" not in text


def test_the_interval_says_what_it_holds(page: Page) -> None:
    assert "Ratio % [within-recording 95 %]" in page.text
    assert (
        "error of placing the electrodes anew as its source gives it (18–21 %, Raslan 1988), not measured" in page.text
    )
    assert "95 % CI" not in page.text
    said = r"Buccal \(nasalis\): peak to peak \d+\.\d % \(within-recording 95 %: \d+\.\d–\d+\.\d %\)"
    assert re.search(said, page.text)


def test_the_chart_has_the_trunk_above_the_branches(page: Page) -> None:
    text = page.text
    assert text.index("Stimulated at the trunk") < text.index("Stimulated at the branch") < text.index("Conclusion")
    assert "left: no response" in text


def test_a_skip_and_the_operators_word_are_on_the_page(
    small: Callable[..., Recording], seal: Callable[[Recording], Exam]
) -> None:
    recording = small(sites=(Branch.TEMPORAL, Branch.BUCCAL))
    left = {s.stimulus.site: s.step for s in recording.sweeps if s.stimulus.side is Side.LEFT}
    sweeps = tuple(
        replace(s, role=Role.REJECTED, reject_reasons=("skipped: pain",)) if s.step == left[Branch.TEMPORAL] else s
        for s in recording.sweeps
    )
    told = Event(
        "skipped", "Left temporal branch skipped: pain", detail={"step": left[Branch.TEMPORAL], "reason": "pain"}
    )
    word = {**recording.searches[left[Branch.BUCCAL]], "proved": False, "operator": "none seen"}
    html = render(
        seal(
            replace(
                recording, sweeps=sweeps, events=(told,), searches={**recording.searches, left[Branch.BUCCAL]: word}
            )
        )
    )
    text = Page(html).text
    assert "NC = not completed" in text
    assert "not completed: skipped: pain" in text
    assert "marked no response by the operator at 10.4 mA" in text
    [first, *_] = re.findall(r"<li>(.*?)</li>", html)
    assert first.startswith("<strong>left buccal, nasalis: marked no response by the operator, yet the sweeps repeat a")
    assert "no response by the operator&#39;s word, yet" not in html


def test_what_is_not_supramaximal_is_measured_and_not_proved(
    small: Callable[..., Recording], seal: Callable[[Recording], Exam]
) -> None:
    low = {Side.RIGHT: (3.0, 7.2, 8.6, 10.4), Side.LEFT: (3.0, 3.5, 4.0)}
    text = Page(render(seal(small(currents_ma=low)))).text
    assert "left side measured, not proved supramaximal: reached 4 mA" in text
    assert text.count("measured, not proved supramaximal") >= 3


def test_a_hostile_subject_code_is_text(small: Callable[..., Recording], seal: Callable[[Recording], Exam]) -> None:
    evil = "<script>alert(1)</script>"
    intake = {"cause": f'"{evil}', "surgery": "</td><img src=x onerror=alert(1)>"}
    html = render(seal(small(header={"subject": evil, "intake": intake, "operator": evil})))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "script" not in Page(html).tags


@pytest.mark.parametrize(
    ("intake", "said", "unsaid"),
    [
        ({"days_since_onset": 1, "house_brackmann": 6}, "Day 1 after onset: phrases of acute", "degeneration index"),
        ({"days_since_onset": 10, "house_brackmann": 6}, "degeneration index 60 %", "are left out"),
        ({"days_since_onset": 10, "house_brackmann": 4}, "not complete as told (House-Brackmann IV)", "Minami"),
        ({"days_since_onset": 22, "house_brackmann": 6}, "22 days after onset: phrases of acute", "Minami"),
        ({"days_since_onset": None}, "Days since onset are not recorded", "degeneration index"),
    ],
)
def test_acute_words_only_from_day_3_to_21_of_a_complete_palsy(
    small: Callable[..., Recording], seal: Callable[[Recording], Exam], intake: dict[str, Any], said: str, unsaid: str
) -> None:
    recording = small(sites=(Branch.TRUNK,), kept={Branch.BUCCAL: 0.4}, header={"intake": intake})
    text = Page(render(seal(recording))).text
    assert said in text
    assert unsaid not in text


def test_children_are_not_flagged_by_adult_limits(
    small: Callable[..., Recording], seal: Callable[[Recording], Exam]
) -> None:
    weak: dict[str, Any] = {"sites": (Branch.TEMPORAL,), "kept": {Branch.TEMPORAL: 0.05}}
    assert "↓ left pp below 0.4 mV" in Page(render(seal(small(**weak)))).text
    child = Page(render(seal(small(**weak, header={"intake": {"age_years": 8}})))).text
    assert "below 0.4 mV" not in child
    assert "age below 16 years: adult reference limits do not apply" in child
    assert "refused: age 8: adult limits are refused below 16 years" in child


def test_an_exam_without_sweeps_has_a_report(
    small: Callable[..., Recording], seal: Callable[[Recording], Exam]
) -> None:
    whole = small()
    bare = Recording(header=whole.header, montage=whole.montage, calibration=whole.calibration, recovered=True)
    text = Page(render(seal(bare))).text
    assert "Nothing was measured." in text
    assert "Notes on this recording" in text


def test_no_healthy_side(small: Callable[..., Recording], seal: Callable[[Recording], Exam]) -> None:
    text = Page(render(seal(small(header={"affected": "both"})))).text
    assert "both sides are affected" in text
    assert "L = left; R = right" in text


def test_impedances_gaps_and_warnings_are_shown(
    small: Callable[..., Recording], seal: Callable[[Recording], Exam]
) -> None:
    rows = ({"channel": 2, "g1_kohm": 3.0, "g2_kohm": 12.5, "frequency_hz": 30, "ok": False},)
    recording = replace(small(impedances=rows), gaps=(Gap(1, 5000, 80, "lost frames"),))
    text = Page(render(seal(recording))).text
    assert "left nasalis 3.0 12.5 9.5" in text
    assert "80 samples of stream 1 (lost frames)" in text
    assert "electrode impedance 12.5 kohm" in text


def test_writing_replaces_in_one_move_and_keeps_the_old_on_failure(
    small: Callable[..., Recording], seal: Callable[[Recording], Exam], tmp_path: Path
) -> None:
    exam = seal(small())
    folder = tmp_path / "reports"
    folder.mkdir()
    target = folder / "r.html"
    target.write_text("old")
    assert write_report(exam, target) == target
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in folder.iterdir()] == ["r.html"]
    with pytest.raises(RecordingError, match="cannot be written"):
        write_report(exam, tmp_path / "absent" / "r.html")
