"""`npr-daq patients`: cards, matrix and random people, as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from npr_daq.cli.patients import matrix_text
from npr_simulators.person.case_file import load_case, names
from npr_simulators.person.population import random_person


def npr(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "npr_daq", "patients", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        timeout=120,
        env={**os.environ, "COLUMNS": "80"},
    )


def test_all_patients_in_eighty_columns():
    done = npr()
    assert done.returncode == 0
    assert {line for line in done.stdout.splitlines() if line and not line.startswith(" ")} == set(names())
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stdout.count("teaches: ") == len(names())


def test_one_patient_by_name_and_by_path(tmp_path):
    cards = json.loads(npr("day_2", "--json").stdout)
    assert [card["name"] for card in cards] == ["day_2"]
    assert cards[0]["cell"] == "movement"
    npr("--random", "1", "--out", tmp_path)
    assert "teaches:" in npr(tmp_path / "healthy_0001.toml").stdout


def test_a_matrix_of_one_patient_names_its_cell_with_a_star():
    done = npr("marginal_mandibular", "--matrix")
    assert done.returncode == 0
    rows = [line for line in done.stdout.splitlines() if line.startswith("marginal_mandibular")]
    assert sum(line.count("*") for line in rows) == 1
    assert "(ratio_marginal)" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80


def matrix_of(*people):
    columns = [
        {"name": f"column_{k}", "heading": f"head{k}", "unit": "uV", "digits": k % 3, "meaning": "a figure " * 9}
        for k in range(23)
    ]
    return {"seed": 3, "columns": columns, "patients": list(people)}


def person(name, day=None, value=-1234.567):
    return {"name": name, "day": day, "cell": "column_4", "values": {f"column_{k}": value for k in range(23)}}


def test_every_column_is_printed_once_and_in_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = matrix_text(
        matrix_of(person("somebody"), person("a_very_long_name_of_a_patient", 12.5), person("none", value=None))
    )
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if line.startswith(" ") and "head" in line]
    assert [word for line in heads for word in line.split()] == [f"head{k}" for k in range(23)]
    assert sum("a_very_long_name_of_a_patient day 12.5" in line for line in lines) == len(heads)
    assert text.count("*") == 4  # three patients and the note
    assert next(line for line in lines if line.startswith("none")).split()[1] == "-"


def test_random_people_are_those_of_their_seed_and_nothing_is_overwritten(tmp_path):
    done = npr("--random", "3", "--seed", "7", "--group", "synkinetic", "--out", tmp_path, "--json")
    paths = json.loads(done.stdout)
    assert [Path(path).name for path in paths] == [f"synkinetic_000{k}.toml" for k in (1, 2, 3)]
    assert load_case(paths[2]) == random_person(3, seed=7, group="synkinetic")
    again = npr("--random", "3", "--out", tmp_path, "--group", "synkinetic")
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert load_case(paths[0]) == random_person(1, seed=7, group="synkinetic")


def test_random_people_in_words(tmp_path):
    done = npr("--random", "2", "--out", tmp_path)
    assert done.stdout.startswith("2 patient files, ")
    assert f"sim:{tmp_path}/healthy_0001.toml" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "no simulated patient is called 'nobody'"),
        (("helthy", "--matrix"), "did you mean 'healthy'?"),
        (("--random", "5"), "give a folder with --out DIR"),
        (("--random", "0", "--out", "x"), "0 people cannot be drawn; give a number from 1 to 9999"),
        (("--random", "10000", "--out", "x"), "10000 people cannot be drawn"),
        (("--random", "5", "--seed", "-4", "--out", "x"), "seed -4 is negative"),
        (("--random", "5", "--group", "old", "--out", "x"), "no population is called 'old'"),
        (("--random", "5", "--matrix", "--out", "x"), "leave out NAME, --matrix and --day"),
        (("healthy", "--out", "x"), "--out and --group belong to --random"),
        (("--group", "healthy"), "--out and --group belong to --random"),
        (("healthy", "--seed", "3"), "--seed belongs to --random and --matrix"),
        (("healthy", "--day", "3"), "--day belongs to --matrix"),
        (("healthy", "--matrix", "--day", "9999"), "a course runs from day 0 to 3650"),
        (("healthy", "--matrix", "--day", "nan"), "a course runs from day 0 to 3650"),
        (("--random", "1", "--out", "/dev/null/x"), "people cannot be written to /dev/null/x"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_2(tmp_path, arguments, said):
    done = npr(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("npr-daq: ")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
