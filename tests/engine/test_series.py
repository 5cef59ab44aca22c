"""A series is accepted when K sweeps agree; outliers are replaced, within bounds."""

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from npr_daq.anatomy import Muscle
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.search import Shock
from npr_daq.engine.series import Complete, SeriesSettings, next_sweep
from npr_daq.recording import Role

SETTINGS = SeriesSettings(Muscle.NASALIS, current_ma=10.0, wanted=5, extra=3, max_shocks=60)


def reading(n: int, size_mv: float, onset_ms: float = 3.0, noise_uv: float = 4.0, *, valid: bool = True) -> Reading:
    answer = Response(size_mv * 600 > 5 * noise_uv, size_mv, 0.6 * size_mv, onset_ms, noise_uv)
    return Reading(10.0, {Muscle.NASALIS: answer}, valid=valid, n=n)


def judged(series: list[Reading]) -> Complete:
    verdict = next_sweep(series, SETTINGS)
    assert isinstance(verdict, Complete)
    return verdict


def test_five_that_agree_are_enough() -> None:
    series = [reading(n, 2.0 + 0.01 * n) for n in range(1, 6)]
    shock = next_sweep(series[:4], SETTINGS)
    assert isinstance(shock, Shock)
    assert (shock.role, shock.current_ma) == (Role.ACCEPT, 10.0)
    verdict = judged(series)
    assert verdict.concordant
    assert verdict.accepted == (1, 2, 3, 4, 5)


def test_an_outlier_in_amplitude_is_replaced() -> None:
    series = [reading(1, 2.0), reading(2, 2.3), reading(3, 2.0), reading(4, 2.02), reading(5, 1.99)]
    assert isinstance(next_sweep(series, SETTINGS), Shock)
    verdict = judged([*series, reading(6, 2.01)])
    assert verdict.concordant
    assert verdict.outliers == (2,)
    assert verdict.accepted == (1, 3, 4, 5, 6)


def test_an_outlier_in_onset_is_replaced_where_the_snr_allows_a_latency() -> None:
    late = reading(2, 2.0, onset_ms=3.2)
    rest = [reading(n, 2.0) for n in (1, 3, 4, 5, 6)]
    assert judged([rest[0], late, *rest[1:]]).outliers == (2,)
    weak = [reading(n, 0.05, onset_ms=3.0 + 0.2 * n) for n in range(1, 6)]
    assert judged(weak).concordant


def test_at_most_three_extra_then_not_concordant() -> None:
    series = [reading(n, 2.0 * (1 + 0.2 * n)) for n in range(1, 9)]
    verdict = judged(series)
    assert not verdict.concordant
    assert verdict.summary["concordant"] is False
    assert "wanted" in verdict.reason


def test_nothing_is_put_aside_where_nothing_agrees() -> None:
    verdict = judged([reading(n, 2.0**n) for n in range(1, 9)])
    assert verdict.outliers == ()
    assert len(verdict.accepted) == 8


def test_invalid_sweeps_count_as_shocks_only() -> None:
    verdict = judged([reading(n, 2.0, valid=False) for n in range(1, 9)])
    assert not verdict.concordant
    assert verdict.accepted == ()
    assert verdict.summary["peak_to_peak_mv"] is None


def test_silence_agrees_with_silence() -> None:
    verdict = judged([reading(n, 0.02 + 0.001 * n, onset_ms=float("nan")) for n in range(1, 6)])
    assert verdict.concordant
    assert verdict.summary["present"] == 0
    assert verdict.summary["onset_latency_ms"] is None


@examples(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(2, 6), st.booleans()), min_size=8, max_size=8))
def test_any_series_ends_and_splits_into_accepted_and_outliers(shots: list[tuple[float, float, bool]]) -> None:
    series: list[Reading] = []
    for n, (size, onset, valid) in enumerate(shots, 1):
        if isinstance(next_sweep(series, SETTINGS), Complete):
            break
        series.append(reading(n, size, onset, valid=valid))
    verdict = judged(series)
    valid_numbers = {r.n for r in series if r.valid}
    assert set(verdict.accepted) | set(verdict.outliers) == valid_numbers
    assert not set(verdict.accepted) & set(verdict.outliers)
    assert verdict.concordant == (len(verdict.accepted) >= 5 and "only" not in verdict.reason)
