"""A whole recording at once: clinical reference 5.2 to 5.6."""

import numpy as np
import pytest

from npr_daq.analysis import synkinesis
from npr_daq.analysis.expressions import Examination, Expression, examine
from npr_daq.analysis.synkinesis import Flaw, Verdict
from npr_daq.errors import AnalysisError

EYE, MOUTH, CHIN, BROW = range(4)
RATE = 2000.0
CUTOFFS = np.full((2, 4), np.nan)
CUTOFFS[0, MOUTH], CUTOFFS[1, EYE] = synkinesis.OCULAR_ORAL, synkinesis.ORAL_OCULAR


def recording(emg, *, counts=(5, 5)):
    """Rest, then the eye closed and the lips pursed; on the affected side the mouth follows the eye, threefold."""
    rng = np.random.default_rng(1)
    n = round(90 * RATE)
    level = np.zeros((2, 4, n))
    tasks, begin = [], 20.0
    uv = {EYE: ((40, 40), (36, 12), (3, 3), (0, 0)), MOUTH: ((8, 8), (50, 50), (15, 15), (0, 0))}
    for name, master, count in zip(("close", "pucker"), (EYE, MOUTH), counts, strict=True):
        cues = []
        for _ in range(count):
            moved = emg.profile(n, begin + 0.3, begin + 2.8)
            strength = np.exp(rng.normal(0, 0.08, (2, 4, 1)))
            level += strength * np.array(uv[master]).T[:, :, None] * moved
            cues.append((begin, begin + 2.5))
            begin += 6
        tasks.append(Expression(name, master, tuple(cues)))
    data = level * emg.carrier(rng, (2, 4, n)) + 1.5 * emg.carrier(rng, (2, 4, n))
    return data.astype(np.float32), tasks


def examined(data, tasks, **more) -> Examination:
    given = {"rate_hz": RATE, "rest_s": [(1.0, 18.0)], "own_task": [0, 1, None, None], "cutoffs": CUTOFFS}
    return examine(data, tasks=tasks, **(given | more))


@pytest.fixture(scope="module")
def whole(emg):
    data, tasks = recording(emg)
    return data, tasks, examined(data, tasks)


def test_every_pair_has_its_verdict(whole):
    found = whole[2].comparison
    assert found.verdict[0, MOUTH] == Verdict.PRESENT
    assert found.verdict[1, EYE] == Verdict.ABSENT
    assert set(found.verdict[np.isnan(CUTOFFS)]) == {Verdict.NO_REFERENCE}
    assert found.q[0, MOUTH] == pytest.approx(3, rel=0.15)
    assert found.q[1, CHIN] == pytest.approx(1, rel=0.15)
    assert found.significant[0, MOUTH]
    assert not found.significant[1, EYE]


def test_the_master_as_its_own_slave_is_a_control(whole):
    found = whole[2]
    for side in (found.affected, found.healthy):
        assert side.gain[0, EYE] == pytest.approx(np.ones(5))
        assert side.peak_correlation[0, EYE] == pytest.approx(np.ones(5), abs=1e-6)
        assert side.lag_ms[0, EYE] == pytest.approx(np.zeros(5), abs=0.01)
        assert side.normalised_percent[0, EYE].mean() == pytest.approx(100)
    assert found.comparison.normalised_q[0, EYE] == pytest.approx(1)


def test_heat_maps_index_tone_and_coherence(whole):
    found = whole[2]
    assert found.affected_uv[0] == pytest.approx([40, 36, 3, 0], rel=0.15, abs=0.7)
    assert found.difference_db[0, MOUTH] == pytest.approx(20 * np.log10(3), abs=1.5)
    expected = np.log2([found.comparison.q[0, MOUTH], found.comparison.q[1, EYE]]).mean()
    assert found.index.value == pytest.approx(expected)
    assert found.tone.ratio == pytest.approx(np.ones(4), rel=0.1)
    assert found.coherence.value.shape == (2, 51, 8, 8)
    assert found.coherence.limit95[0] > found.pooled_coherence.limit95
    assert found.missing.max() == 0


def test_as_measured_pair_by_pair(whole):
    data, tasks, found = whole
    windows = [
        np.stack([s[round((a - 1) * RATE) : round((a + 4) * RATE)] for a, _ in tasks[0].repetitions_s])
        for s in (data[0, EYE], data[0, MOUTH])
    ]
    rest = slice(round(1 * RATE), round(18 * RATE))
    alone = synkinesis.measure(
        *windows, rate_hz=RATE, rest_master_uv=data[0, EYE, rest], rest_slave_uv=data[0, MOUTH, rest], cue_ms=1000
    )
    together = found.affected
    assert together.slave_uv[0, MOUTH] == pytest.approx(alone.slave_uv, rel=0.1)
    assert together.correlation[0, MOUTH] == pytest.approx(alone.correlation, abs=0.03)
    assert together.predictable_share[0, MOUTH] == pytest.approx(float(alone.predictable_share), abs=0.02)


def test_a_prime_mover_that_does_nothing_hides_nothing(emg, whole):
    data, tasks, _ = whole
    weak = data.copy()
    weak[0, EYE] = 1.5 * emg.carrier(np.random.default_rng(2), weak[0, EYE].shape)
    found = examined(weak, tasks)
    assert found.comparison.accepted[0, MOUTH] == 5
    assert found.comparison.verdict[0, MOUTH] == Verdict.PRESENT
    assert np.isnan(found.comparison.gain_ratio[0, MOUTH])


def test_a_muscle_that_was_not_recorded_says_which_pair_cannot_be_tested(emg, whole):
    data, tasks, before = whole
    without = data.copy()
    without[1, MOUTH] = np.nan
    found = examined(without, tasks)
    assert found.comparison.verdict[0, MOUTH] == Verdict.REFUSED
    assert "not recorded" in found.comparison.reasons[0, MOUTH][0]
    assert found.comparison.q[0, CHIN] == pytest.approx(float(before.comparison.q[0, CHIN]))
    assert found.missing[1, MOUTH] == 1
    assert np.isfinite(found.coherence.bands[0, :, 0, 2]).all()


def test_gaps_are_masked_and_counted(whole):
    data, tasks, before = whole
    holed = data.copy()
    first = round((tasks[0].repetitions_s[1][0] + 1.5) * RATE)
    holed[:, :, first : first + 200] = np.nan
    found = examined(holed, tasks)
    assert found.healthy.flaw[0, MOUTH, 1] == Flaw.GAP
    assert found.comparison.accepted[0, MOUTH] == 4
    assert found.comparison.accepted[1, EYE] == 5
    assert 0.001 < found.missing[0, 0] < 0.005
    assert found.comparison.q[1, EYE] == pytest.approx(float(before.comparison.q[1, EYE]))


def test_a_task_with_few_repetitions_is_refused_and_the_rest_stands(emg):
    data, tasks = recording(emg, counts=(5, 2))
    found = examined(data, tasks)
    assert found.comparison.verdict[0, MOUTH] != Verdict.REFUSED
    assert found.comparison.verdict[1, EYE] == Verdict.REFUSED
    assert found.comparison.total[:, EYE].tolist() == [5, 2]
    assert (found.healthy.flaw[1, :, 2:] == Flaw.MISSING).all()


def test_saturation_is_found_on_either_muscle(whole):
    data, tasks, _ = whole
    clipped = data.copy()
    clipped[1, MOUTH, round((tasks[0].repetitions_s[0][0] + 1.5) * RATE)] = 9000
    found = examined(clipped, tasks, rail_uv=8000)
    assert found.healthy.flaw[0, MOUTH, 0] == Flaw.SATURATED
    assert found.healthy.flaw[0, CHIN, 0] == Flaw.NONE


def test_what_does_not_fit_is_refused(whole):
    data, tasks, _ = whole
    with pytest.raises(AnalysisError, match="rest"):
        examined(data, tasks, rest_s=[(0, 1)])
    with pytest.raises(AnalysisError, match="prime mover"):
        examined(data, tasks, own_task=[1, None, None, None])
    with pytest.raises(AnalysisError, match="overlap"):
        examined(data, [Expression("close", EYE, ((20, 24), (23, 26)))], cutoffs=CUTOFFS[:1], own_task=[0] + [None] * 3)
    with pytest.raises(AnalysisError, match="muscle"):
        examined(data[0], tasks)


def test_a_series_of_blinks_is_one_repetition_from_the_first_to_the_last(emg):
    rng = np.random.default_rng(2)
    n = round(70 * RATE)
    level, cues = np.zeros((2, 4, n)), []
    for k in range(5):
        begin = 20.0 + 8 * k
        for burst in range(3):
            at = begin + 0.3 + 0.9 * burst
            moved = emg.profile(n, at, at + 0.13)
            level[:, EYE] += 40 * moved
            level[0, MOUTH] += 12 * moved
            level[1, MOUTH] += 4 * moved
        cues.append((begin, begin + 3.0))
    data = (level * emg.carrier(rng, (2, 4, n)) + 1.0 * emg.carrier(rng, (2, 4, n))).astype(np.float32)
    series = [Expression("blink", EYE, tuple(cues), eyes=True, series=True)]
    own = {"own_task": [0, None, None, None], "cutoffs": np.full((1, 4), np.nan)}
    found = examined(data, series, **own)
    assert found.healthy.accepted[0, MOUTH].all()
    span = np.diff(found.healthy.plateau_ms[0, MOUTH])[:, 0]
    assert span == pytest.approx(np.full(5, 1930), abs=150)
    assert found.comparison.q[0, MOUTH] == pytest.approx(3, rel=0.2)
    held = [Expression("blink", EYE, tuple(cues), eyes=True)]
    assert not examined(data, held, **own).healthy.accepted[0, MOUTH].any()


def test_where_the_affected_prime_mover_does_not_move_silence_is_no_absence(emg):
    """A paralysed half: nothing moved, so nothing could follow."""
    data, tasks = recording(emg)
    rng = np.random.default_rng(3)
    data[0] = 1.5 * emg.carrier(rng, data[0].shape)
    found = examined(data, tasks).comparison
    for place in ((0, MOUTH), (1, EYE)):
        assert found.verdict[place] == Verdict.INDETERMINATE
        assert any("did not move" in reason for reason in found.reasons[place])


def test_a_prime_mover_that_moves_on_top_of_its_tone_is_not_still(emg):
    """The affected eye is contracted (15 uV at rest) and closes by less than that: a silent mouth is absent."""
    data, tasks = recording(emg)
    rng = np.random.default_rng(5)
    data[0, EYE] = 0.35 * data[0, EYE] + 15 * emg.carrier(rng, data[0, EYE].shape)
    data[0, MOUTH] = data[1, MOUTH]
    found = examined(data, tasks)
    assert found.affected.master_uv[0, MOUTH].max() < found.affected.master_rest.rms_uv[0, MOUTH]
    assert found.comparison.verdict[0, MOUTH] == Verdict.ABSENT
