"""What happens when something dies, is stopped or sleeps in mid-exam: disarmed first, what was stored is sealed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

NPR = [sys.executable, "-m", "npr_daq"]


def stored_lines(exam: "subprocess.Popen[str]", count: int) -> list[dict[str, Any]]:
    """The next `count` lines of a running exam."""
    assert exam.stdout is not None
    return [json.loads(exam.stdout.readline()) for _ in range(count)]


def rest(exam: "subprocess.Popen[str]") -> tuple[list[dict[str, Any]], str]:
    """Every further whole line, and stderr, after the exam has ended."""
    out, err = exam.communicate(timeout=60)
    return [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith("\n")], err


def sealed_seqs(folder: Path) -> set[int]:
    files = list(folder.glob("*.h5"))
    assert len(files) == 1, list(folder.iterdir())
    with xr.open_datatree(files[0]) as tree:
        return {int(seq) for step in tree["sweeps"].children.values() for seq in step["stim_seq"].values}


def delivered(truth: Path) -> list[int]:
    return [json.loads(line)["stim_seq"] for line in truth.read_text().splitlines()[1:]]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 6)])
def test_a_signal_disarms_seals_and_says_so(
    number: signal.Signals, code: int, one_site: Path, tmp_path: Path, simulator: Any, exam_process: Any
) -> None:
    truth = tmp_path / "truth.jsonl"
    with simulator("--speed", "max", truth=truth) as facts:
        exam = exam_process(one_site, facts["uri"], tmp_path / "exams")
        printed = stored_lines(exam, 3)
        exam.send_signal(number)
        more, _ = rest(exam)
    assert exam.returncode == code
    kept = sealed_seqs(tmp_path / "exams")
    assert {line["stim_seq"] for line in printed + more} <= kept
    assert kept == set(delivered(truth))


def test_the_simulator_killed_in_mid_exam_is_exit_4_and_sealed(
    one_site: Path, tmp_path: Path, simulator: Any, exam_process: Any
) -> None:
    with simulator("--speed", "max") as facts:
        exam = exam_process(one_site, facts["uri"], tmp_path / "exams")
        printed = stored_lines(exam, 3)
        os.kill(int(facts["pid"]), signal.SIGKILL)
        more, err = rest(exam)
    assert exam.returncode == 4
    said = err.strip().splitlines()
    assert any(line.startswith("npr-daq: ") for line in said)
    assert said[-1].startswith("what was stored is sealed in")
    assert "Traceback" not in err
    assert {line["stim_seq"] for line in printed + more} <= sealed_seqs(tmp_path / "exams")


def test_the_exam_killed_is_recovered_and_nothing_is_repeated(
    one_site: Path, tmp_path: Path, simulator: Any, exam_process: Any
) -> None:
    truth, folder = tmp_path / "truth.jsonl", tmp_path / "exams"
    with simulator("--speed", "max", truth=truth) as facts:
        exam = exam_process(one_site, facts["uri"], folder)
        printed = stored_lines(exam, 4)
        exam.kill()
        more, _ = rest(exam)
        asked = subprocess.run(
            [*NPR, "recover", str(folder), "--device", facts["uri"], "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        again = exam_process(one_site, facts["uri"], tmp_path / "second")
        second, err = rest(again)
    assert again.returncode == 0, err
    assert len(json.loads(asked.stdout)) == 1
    assert {line["stim_seq"] for line in printed + more} <= sealed_seqs(folder)
    numbers = delivered(truth)
    assert len(numbers) == len(set(numbers))
    assert min(line["stim_seq"] for line in second) > max(line["stim_seq"] for line in printed)


def test_a_second_client_cannot_take_the_port(
    one_site: Path, tmp_path: Path, simulator: Any, exam_process: Any
) -> None:
    with simulator("--speed", "4") as facts:
        exam = exam_process(one_site, facts["uri"], tmp_path / "exams")
        stored_lines(exam, 1)
        thief = exam_process(one_site, facts["uri"], tmp_path / "thief")
        _, err = rest(thief)
        assert thief.returncode == 4
        assert "busy" in err or "another" in err
        more, _ = rest(exam)
    assert exam.returncode == 0
    assert len(more) > 5
