"""`npr-daq protocols`: what is printed of the search is what the program asks."""

import json

import typer
from typer.testing import CliRunner

from npr_daq.cli.protocols import register
from npr_daq.engine import plateau, search


def printed(*arguments: str) -> str:
    app = typer.Typer()
    register(app)
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def test_the_printed_search_is_the_table_that_is_walked() -> None:
    rows = json.loads(printed("--search", "--json"))
    assert rows == [{"state": rule.state, "when": rule.when, "next": rule.then} for rule in search.RULES]
    words = " ".join(printed("--search").split())
    for rule in search.RULES:
        assert rule.when in words
        assert rule.then in words


def test_the_printed_numbers_are_those_of_the_code() -> None:
    words = " ".join(printed("--search").split())
    for said in (
        f"x{search.SILENT_FACTOR:g}, at most +{search.SILENT_STEP_MA:g} mA",
        f"x{search.GROWING_FACTOR:g}, at least +{search.GROWING_STEP_MA:g} mA",
        f"{search.REFERENCE_START:g} x the other side's threshold",
        f"{search.REFERENCE_SILENT:g} x the other side's proved current",
        f"not below {search.REFERENCE_LEAST:g} x",
        f"{100 * plateau.FLAT_FRACTION:g} % and {plateau.FLAT_SD:g} SD",
        f"at most {100 * plateau.NOISE_FRACTION:g} %",
        f"each at least x{plateau.LEAST_STEP:g}",
    ):
        assert said in words, said


def test_a_protocol_with_trains_says_their_rate() -> None:
    assert "within a train: 3 Hz, each train confirmed by the operator" in " ".join(printed("repetitive").split())
