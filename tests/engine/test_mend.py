"""Every reason has a mend, the prompt says it, and a trained hand can follow it."""

from dataclasses import replace
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Muscle
from npr_daq.engine import mend
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.reading import Response as Answer
from npr_daq.engine.series import SeriesSettings, complete
from npr_daq.engine.state import SiteProgress
from npr_daq.engine.steps import SiteSeries
from npr_daq.engine.verdict import SearchSettings, finish

NASALIS = (Muscle.NASALIS,)


@pytest.mark.parametrize(
    ("reason", "mended"),
    [
        ("the masseter answers: a deflection before 2.2 ms grows", "move the cathode back, 10 mm"),
        ("the stimulus artefact reaches into the response", "turn the anode about the cathode until"),
        ("impedance of left.nasalis: 250 kohm", "press the electrode on"),
        ("mains hum is 12 % of the response, the limit is 5 %", "press the electrode on"),
        ("the operator refused to go above 20 mA", "raise the current"),
        ("the cap of 25 mA was reached without a plateau", "check that the cathode is distal"),
        (
            "2 shocks in a row were no evidence (delivered 2.25 mA of 4.5 mA, not within 10 %)",
            "press the stimulator on",
        ),
        ("2 shocks in a row were no evidence (clipped: right.nasalis)", "turn the anode about the cathode"),
        ("no response up to 25 mA", "look for the nerve"),
        ("no reflex up to 15 mA", "feel the notch again"),
        ("only 2 of 8 valid sweeps agree, 5 are wanted", "wait until the face is at rest"),
    ],
)
def test_a_reason_in_words_has_its_mend(reason: str, mended: str) -> None:
    found = mend.likely(reason)
    assert found is not None
    assert found.startswith(mended)


def test_a_reason_that_is_none_has_no_mend() -> None:
    assert mend.likely("plateau: every muscle that answers has stopped growing") is None


def test_every_line_can_be_reached_by_its_own_words() -> None:
    for line in mend.MENDS:
        assert all(mend.likely(words) == line.mend for words in line.seen), line.kind


@pytest.fixture
def step(make_rig: Any) -> SiteSeries:
    found = next(s for s in make_rig().plan().steps if isinstance(s, SiteSeries))
    assert found.site is Branch.TRUNK
    return found


def answer(size_mv: float, **more: float) -> Response:
    values: dict[str, float] = {"onset_latency_ms": 3.0, "noise_uv": 2.0, **more}
    return Answer(True, size_mv, 0.6 * size_mv, **values)


def progress(history: list[Response], series: list[Response]) -> SiteProgress:
    bounds = SearchSettings(NASALIS, 2.0, 40.0, 40.0, 60)
    seen = [Reading(2.0 * 1.2**n, {Muscle.NASALIS: a}, n=n + 1) for n, a in enumerate(history)]
    settings = SeriesSettings(Muscle.NASALIS, seen[-1].current_ma, 5, 3, 20)
    taken = tuple(Reading(settings.current_ma, {Muscle.NASALIS: a}, n=100 + n) for n, a in enumerate(series))
    verdict = finish(seen, bounds, "the search ended")
    return SiteProgress(
        search=bounds,
        history=tuple(seen),
        verdict=verdict,
        series_settings=settings,
        series=taken,
        complete=complete(taken, settings),
    )


PLATEAU = [answer(0.1), answer(0.8), answer(1.0), answer(1.0), answer(1.0)]


def test_a_sound_series_needs_no_mend(step: SiteSeries) -> None:
    site = progress(PLATEAU, [answer(1.0)] * 5)
    assert mend.advise(step, site) == ()
    assert mend.said(()) == ""
    assert mend.noted(step, site) == (site, ())


def test_the_masseter_comes_first_and_the_hand_knows_what_to_do(step: SiteSeries) -> None:
    early = [0.004, 0.006, 0.04, 0.09, 0.2]
    seen = [answer(1.0, early_mv=mv, early_limit_mv=0.02, early_until_ms=2.2) for mv in early]
    first, *_ = mend.advise(step, progress(seen, [answer(1.0, noise_uv=90.0)] * 5))
    assert first.plain()["act"] == {"do": "place", "anterior_mm": 0.0}
    assert mend.said((first,)) == "; likely mend: move the cathode back, 10 mm"


def test_what_moved_within_the_series_is_evidence_and_has_a_mend(step: SiteSeries) -> None:
    site, effects = mend.noted(step, progress(PLATEAU, [answer(mv) for mv in (1.0, 1.0, 0.7, 0.7, 0.7)]))
    assert site.verdict is not None
    (sign,) = site.verdict.evidence["signs"]
    assert (sign["kind"], sign["in_series"]) == ("moved", True)
    assert effects[0].evidence["signs"] == [sign]  # type: ignore[union-attr]
    assert [each.mend.kind for each in mend.advise(step, site)] == ["moved"]


def test_a_noisy_contact_names_its_muscle(step: SiteSeries) -> None:
    (advice,) = mend.advise(step, progress(PLATEAU, [answer(1.0, noise_uv=90.0)] * 5))
    assert (advice.mend.kind, advice.muscle) == ("hum", "nasalis")
    assert advice.plain()["act"] == {"do": "fix"}


def test_a_response_too_small_for_a_latency_has_a_mend(step: SiteSeries) -> None:
    weak = answer(0.05, noise_uv=4.0)
    kinds = [each.mend.kind for each in mend.advise(step, progress([weak] * 5, [weak] * 5))]
    assert "noise" in kinds


def test_a_nerve_that_does_not_answer_is_looked_for(step: SiteSeries) -> None:
    silent = Response(False, float("nan"), float("nan"), float("nan"), 2.0)
    site = progress([silent] * 3, [silent] * 5)
    assert site.verdict is not None
    site = replace(site, verdict=replace(site.verdict, reason="no response up to 40 mA"))
    assert "silent" in [each.mend.kind for each in mend.advise(step, site)]


def test_a_reflex_that_does_not_come_has_a_mend(make_rig: Any) -> None:
    step = next(s for s in make_rig(protocol="blink_reflex").plan().steps if isinstance(s, SiteSeries))
    site = progress(PLATEAU, [answer(1.0)] * 5)
    assert site.verdict is not None
    failed = replace(site.verdict, proved=False, reason="no reflex up to 15 mA")
    (advice,) = mend.advise(step, replace(site, verdict=failed))
    assert advice.mend.kind == "reflex"
    assert mend.advise(step, replace(site, verdict=replace(failed, proved=True))) == ()
