"""The command line as a user types it: output, sentences, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from npr_daq.anatomy import Branch


def npr(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "npr_daq", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        timeout=120,
    )


COMMANDS = (
    "demo", "exam", "plan", "protocols", "devices", "patients", "simulate", "analyse", "report", "mark", "verify",
    "recover",
)  # fmt: skip


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of an error: on stderr, and no traceback."""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("npr-daq: ")
    return done.stderr


def test_help_lists_every_command() -> None:
    done = npr("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout
    assert "not a medical device" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command: str) -> None:
    done = npr(command, "--help")
    assert done.returncode == 0
    assert f"Example: npr-daq {command}" in " ".join(done.stdout.split())


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['npr-daq', '--help']\n"
        "from npr_daq.cli.entry import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'h5py', 'pydantic', 'matplotlib', 'serial', 'pyvisa', 'pandas', 'xarray'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout


def test_version() -> None:
    assert npr("--version").stdout.startswith("npr-daq 0.")


def test_protocols_lists_and_shows_in_words() -> None:
    listed = npr("protocols")
    assert "conduction_trunk" in listed.stdout
    assert "conduction_extended" in listed.stdout
    shown = " ".join(npr("protocols", "conduction_extended").stdout.split())
    for word in ("marginal mandibular branch", "healthy side", "200 us", "40 mA"):
        assert word in shown


def test_plan_shows_worst_case_and_moves_nothing() -> None:
    done = npr("plan", "conduction_extended", "--affected", "right", "--json")
    facts = json.loads(done.stdout)
    sites = {(dose["side"], dose["site"]) for dose in facts["worst_case_dose"]}
    assert sites == {(side, str(branch)) for side in ("left", "right") for branch in Branch}
    assert max(dose["peak_ma"] for dose in facts["worst_case_dose"]) == 40.0
    first = next(entry["step"] for entry in facts["timeline"] if "conduction" in entry["step"])
    assert "left" in first  # the healthy side comes first


def test_patients_teach() -> None:
    cards = json.loads(npr("patients", "--json").stdout)
    assert {"healthy", "branch_loss", "deep_nerve"} <= {card["name"] for card in cards}
    assert all(card["teaches"] and card["expect"] for card in cards)


def test_devices_lists_the_driver_and_what_was_verified() -> None:
    found = json.loads(npr("devices", "--json").stdout)
    frontend = next(row for row in found["drivers"] if row["driver"] == "frontend")
    assert frontend["error"] is None
    assert frontend["verified"]["L4"] is None
    assert {"serial", "tcp", "visa"} <= set(found["transports"])


PROTOCOL = """
title = "one site"
purpose = "a test"
version = 1
montage = "facial-16"

[[step]]
kind = "conduction"
side = "healthy"
site = "buccal"
"""


def test_an_unknown_key_names_file_path_and_nearest(tmp_path: Path) -> None:
    file = tmp_path / "typo.toml"
    file.write_text(PROTOCOL + "acepted_sweeps = 3\n")
    done = npr("plan", file)
    assert done.returncode == 2
    text = sentence(done)
    assert "typo.toml" in text
    assert "step" in text
    assert "accepted_sweeps" in text


@pytest.mark.parametrize("key", ["max_ma = 90.0", "start_ma = 41.0"])
def test_a_current_above_a_limit_is_refused_with_value_limit_unit(tmp_path: Path, key: str) -> None:
    file = tmp_path / "strong.toml"
    file.write_text(PROTOCOL + key + "\n")
    done = npr("exam", file, "--device", "sim:healthy", "--subject", "T-1", "--affected", "left", "--operator", "auto",
               "--out", tmp_path / "exams")  # fmt: skip
    assert done.returncode == 3
    text = sentence(done)
    assert key.split("= ")[1].removesuffix(".0") in text
    assert "25" in text
    assert "mA" in text
    assert not list(tmp_path.glob("exams/*"))


def test_a_muscle_that_is_not_recorded_is_a_plan_error(tmp_path: Path) -> None:
    file = tmp_path / "masseter.toml"
    file.write_text(PROTOCOL + 'muscles = ["masseter", "nasalis"]\n')
    done = npr("plan", file)
    assert done.returncode == 3
    assert "masseter" in sentence(done)


@pytest.mark.parametrize("uri", ["frontend@serial:/dev/does-not-exist", "frontend@tcp:127.0.0.1:1"])
def test_no_device_is_exit_4(tmp_path: Path, uri: str) -> None:
    done = npr("exam", "conduction_trunk", "--device", uri, "--subject", "T-1", "--affected", "left", "--out", tmp_path)
    assert done.returncode == 4
    sentence(done)


def test_a_wrong_patient_names_the_known_ones(tmp_path: Path) -> None:
    done = npr("demo", "--patient", "nobody", "--out", tmp_path)
    assert done.returncode == 2
    assert "healthy" in sentence(done)


def test_nothing_to_resume_is_a_usage_error(tmp_path: Path) -> None:
    done = npr(*EXAM, "--resume", "--out", tmp_path)
    assert done.returncode == 2
    assert "there is nothing to resume" in sentence(done)
    done = npr("demo", "--full", "--protocol", "tone", "--out", tmp_path)
    assert done.returncode == 2
    assert "give one of them" in sentence(done)


def test_a_name_as_subject_is_refused(tmp_path: Path) -> None:
    done = npr("exam", "conduction_trunk", "--device", "sim:healthy", "--subject", "Jane Doe", "--affected", "left",
               "--out", tmp_path)  # fmt: skip
    assert done.returncode == 2
    assert "never a name" in sentence(done)


def test_a_swapped_side_is_refused(tmp_path: Path) -> None:
    done = npr("exam", "conduction_trunk", "--device", "sim:branch_loss", "--subject", "T-1", "--affected", "right",
               "--operator", "auto", "--out", tmp_path)  # fmt: skip
    assert done.returncode == 3
    assert "swapped side" in sentence(done)


def test_an_open_contraindication_is_refused(tmp_path: Path) -> None:
    intake = tmp_path / "intake.toml"
    intake.write_text("consent = true\n[contraindications]\npregnancy = false\n")
    done = npr("exam", "conduction_trunk", "--device", "sim:healthy", "--subject", "T-1", "--affected", "left",
               "--operator", "auto", "--intake", intake, "--out", tmp_path / "exams")  # fmt: skip
    assert done.returncode == 3
    assert "unanswered" in sentence(done)


@pytest.mark.parametrize("command", ["analyse", "report", "verify"])
def test_a_file_that_is_no_exam_is_exit_5(tmp_path: Path, command: str) -> None:
    rubbish = tmp_path / "rubbish.h5"
    rubbish.write_bytes(b"not an exam" * 100)
    for file in (rubbish, tmp_path / "none.h5"):
        done = npr(command, file)
        assert done.returncode == 5
        assert file.name in sentence(done)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = npr("analyse", tmp_path / "none.h5", "--debug")
    assert "Traceback" in done.stderr


def test_recover_on_an_empty_folder(tmp_path: Path) -> None:
    done = npr("recover", tmp_path)
    assert done.returncode == 0
    assert "nothing to recover" in done.stdout


@pytest.mark.parametrize("out", ["afile", "afile/x", "/proc/x"])
@pytest.mark.parametrize("command", ["demo", "exam"])
def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, out: str, command: str) -> None:
    (tmp_path / "afile").write_text("")
    more = [
        "conduction_trunk",
        "--device",
        "sim:healthy",
        "--subject",
        "T-1",
        "--affected",
        "left",
        "--operator",
        "auto",
    ]
    done = npr(command, *(more if command == "exam" else []), "--out", out, cwd=tmp_path)
    assert done.returncode == 5
    assert "--out" in sentence(done)


def test_demo_never_replaces_what_is_no_demo(tmp_path: Path) -> None:
    (tmp_path / "exam.h5").write_bytes(b"something else")
    done = npr("demo", "--out", tmp_path)
    assert done.returncode == 5
    assert (tmp_path / "exam.h5").read_bytes() == b"something else"


def test_a_person_at_no_terminal_is_refused(tmp_path: Path) -> None:
    done = npr("exam", "conduction_trunk", "--device", "sim:healthy", "--subject", "T-1", "--affected", "left",
               "--intake", Path(__file__).parents[2] / "examples" / "intake.toml", "--out", tmp_path)  # fmt: skip
    assert done.returncode == 2
    assert "no terminal" in sentence(done)


@pytest.mark.parametrize("command", [("devices",), ("plan", "conduction_trunk")])
def test_an_empty_device_is_a_usage_error(command: tuple[str, ...]) -> None:
    done = npr(*command, "-d", "")
    assert done.returncode == 2
    assert "transport is missing" in sentence(done)


def test_the_help_of_exam_lists_every_exit_code() -> None:
    said = " ".join(npr("exam", "--help").stdout.split())
    codes = said.partition("Exit codes: ")[2]
    for code in ("0 done", "2 wrong", "3 refused", "4 device", "5 file", "6 stopped", "130 Ctrl-C"):
        assert code in codes


def test_capabilities_are_told_in_words() -> None:
    done = npr("devices", "-d", "sim:healthy")
    assert done.returncode == 0
    assert "{" not in done.stdout
    for line in ("max current 50 mA", "sync uncertainty: 0.05 ms", "can stimulate: yes", "L4: not done"):
        assert line in done.stdout


EXAM = ("exam", "conduction_trunk", "-d", "sim:healthy", "--subject", "T-1", "--affected", "left", "--operator", "auto")


@pytest.mark.skipif(sys.platform == "win32", reason="not run: pipes differ")
def test_a_reader_that_goes_away_ends_the_exam_in_good_order(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "npr_daq", *EXAM, "--json", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert started.stdout is not None
    assert started.stderr is not None
    with started, started.stdout as lines:
        first = json.loads(lines.readline())
        lines.close()
        said = started.stderr.read().decode()
        assert started.wait(60) == 6
    assert first["n"] == 1
    assert "nobody reads the output" in said
    assert "Traceback" not in said
    assert len(list(tmp_path.glob("*.h5"))) == 1


def test_the_demo_keeps_the_files_it_promises(tmp_path: Path) -> None:
    done = npr("demo", "--protocol", "conduction_trunk", "--patient", "healthy", "--out", tmp_path)
    assert done.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exam.h5", "patient.html", "report.html", "truth.jsonl"]


def test_training_runs_in_real_time_unless_told_otherwise() -> None:
    from npr_daq.cli.exam import _in_real_time
    from npr_daq.cli.screen import ExamConsole

    console = ExamConsole()
    console.quiet = True
    assert _in_real_time("sim:healthy?seed=7", console) == "sim:healthy?seed=7&speed=1"
    for same in ("sim:healthy?speed=max", "frontend@serial:/dev/ttyACM0"):
        assert _in_real_time(same, console) == same
