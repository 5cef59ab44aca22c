import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_simulators.person.case import Case
from npr_simulators.person.case_file import load_case
from npr_simulators.person.discomfort import asks_to_stop, discomfort
from npr_simulators.person.sites import Shock, Site

HEALTHY = load_case("healthy")


def patient(**behaviour: float) -> Case:
    return Case.model_validate(HEALTHY.model_dump() | {"behaviour": behaviour})


def shock(current_ma: float, width_us: float = 200.0, site: Site = Site.TRUNK) -> Shock:
    return Shock(site, current_ma, width_us, 1)


@given(current=st.floats(0, 100), more=st.floats(1, 3), width=st.floats(50, 1000))
def test_more_current_or_width_never_hurts_less(current, more, width):
    score = discomfort(HEALTHY, shock(current, width))
    assert 0 <= score <= 10
    assert score <= discomfort(HEALTHY, shock(current * more, width))
    assert score <= discomfort(HEALTHY, shock(current, width * more))


def test_the_scale():
    assert discomfort(HEALTHY, shock(0)) == 0
    assert 1 < discomfort(HEALTHY, shock(9)) < 4
    assert discomfort(HEALTHY, shock(60)) == 10
    assert discomfort(patient(tolerance=2), shock(60)) < 7
    assert discomfort(HEALTHY, shock(20, site=Site.SUPRAORBITAL)) > discomfort(HEALTHY, shock(20))


@pytest.mark.parametrize(("current", "stops"), [(8.9, False), (9.0, False), (9.1, True)])
def test_a_patient_stops_above_her_own_limit(current, stops):
    assert asks_to_stop(patient(stops_above_ma=9.0), shock(current)) is stops


def test_everyone_stops_at_the_worst_and_the_tolerant_do_not():
    assert asks_to_stop(HEALTHY, shock(60))
    assert not asks_to_stop(HEALTHY, shock(45))
    assert not asks_to_stop(patient(tolerance=4), shock(100))


def test_a_limit_counts_charge():
    assert asks_to_stop(patient(stops_above_ma=9.0), shock(5, 400))
    assert not asks_to_stop(patient(stops_above_ma=9.0), shock(17, 100))
