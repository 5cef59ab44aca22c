"""An exam in the hand: stored findings, new analysis, steps."""

import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import pytest

from npr_daq.anatomy import Branch
from npr_daq.errors import RecordingError, UsageError
from npr_daq.exam.exam import open_exam
from npr_daq.exam.seal import findings_or_reason
from npr_daq.findings.parameters import BOUNDS, DEFAULT
from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.writer import write_exam


@pytest.fixture(scope="module")
def path(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recording = synthetic.Face(sites=(Branch.BUCCAL,)).recording()
    found = findings_or_reason(recording, raw_sha256(recording))
    file = tmp_path_factory.mktemp("exam") / "e.h5"
    write_exam(recording, found.tables(), file, findings_json=found.to_json())
    return file


def test_recomputed_findings_equal_the_stored_ones(path: Path) -> None:
    with open_exam(path) as exam:
        assert exam.analyse() == exam.findings


def test_overrides_give_other_findings_and_leave_the_file(path: Path) -> None:
    before = path.read_bytes()
    with open_exam(path) as exam:
        changed = exam.analyse(high_pass_hz=100.0)
        assert changed.provenance["parameters"]["high_pass_hz"] == 100.0
        assert changed.conduction[0].peak_to_peak_mv != exam.findings.conduction[0].peak_to_peak_mv
    assert path.read_bytes() == before


def test_an_unknown_parameter_names_the_nearest(path: Path) -> None:
    with open_exam(path) as exam, pytest.raises(UsageError, match="high_pass_hz"):
        exam.analyse(highpass_hz=20.0)


def test_sweeps_of_a_step(path: Path) -> None:
    with open_exam(path) as exam:
        [first, *_] = exam.recording.steps
        assert len(exam.sweeps(first)) == 13
        with pytest.raises(UsageError, match="no step"):
            exam.sweeps("absent")


def test_findings_lie_in_the_file_with_units(path: Path) -> None:
    with open_exam(path) as exam:
        tree = exam.to_xarray()
    table = tree["findings/conduction"]
    assert table["peak_to_peak_mv"].attrs["units"] == "mV"
    assert table["muscle"].values.tolist()[:3] == ["nasalis", "zygomaticus", "orbicularis_oris"]
    assert tree["findings/symmetry"]["ci95_percent_low"].attrs["units"] == "%"


def test_a_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_text("no")
    with pytest.raises(RecordingError):
        open_exam(tmp_path / "x.h5")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"window_end_ms": 1e308}, "window_end_ms is 1e[+]308; .*at most 100"),
        ({"window_end_ms": "1" + "0" * 400}, "window_end_ms is inf; .*at most 100"),
        ({"min_sweeps": 1e308}, "min_sweeps is .*at most 1000"),
        ({"min_sweeps": float("inf")}, "whole number"),
        ({"snr_latency": float("nan")}, "snr_latency is nan; .*finite"),
        ({"high_pass_hz": 1e6}, "at most 1000"),
    ],
)
def test_a_senseless_parameter_is_a_usage_error_that_names_its_bounds(
    path: Path, override: dict[str, Any], said: str
) -> None:
    with open_exam(path) as exam, pytest.raises(UsageError, match=said):
        exam.analyse(**override)


@pytest.mark.parametrize("end", [0, 1])
def test_every_parameter_has_bounds_and_at_each_end_findings_can_be_computed(path: Path, end: int) -> None:
    assert set(BOUNDS) == set(DEFAULT.to_dict())
    extremes = {key: bounds[end] for key, bounds in BOUNDS.items() if not key.endswith(("start_ms", "end_ms"))}
    windows = {"window_start_ms": 0.0, "window_end_ms": 100.0}
    with open_exam(path) as exam:
        found = exam.analyse(**extremes, **windows).provenance["parameters"]
    assert found == {**DEFAULT.to_dict(), **extremes, **windows}


def test_stored_parameters_that_make_no_sense_are_the_file_s_fault(path: Path, tmp_path: Path) -> None:
    with ExamFile(path) as file:
        recording, stored = file.recording(), str(file.findings_json)
    spoiled = stored.replace('"window_end_ms": 20.0', '"window_end_ms": 1e308')
    assert spoiled != stored
    write_exam(recording, {}, tmp_path / "e.h5", findings_json=spoiled)
    with open_exam(tmp_path / "e.h5") as exam, pytest.raises(RecordingError, match="parameters stored in"):
        exam.analyse()


def test_every_file_that_is_no_exam_of_ours_is_an_error_of_the_file(path: Path, tmp_path: Path) -> None:
    newer, foreign = tmp_path / "newer.h5", tmp_path / "foreign.h5"
    shutil.copy(path, newer)
    with h5py.File(newer, "r+") as file:
        file.attrs["format_version"] = "2.0.0"
    with h5py.File(foreign, "w") as file:
        file["emg"] = [1, 2, 3]
    os.mkfifo(tmp_path / "pipe.h5")
    cases = {
        newer: "is of exam file format '2.0.0'; this program reads 1.x. Use a newer npr-daq",
        foreign: "is an HDF5 file, but not an exam file of npr-daq",
        tmp_path / "pipe.h5": "not a regular file",
        Path("/dev/zero"): "not a regular file",
        tmp_path / ("x" * 300): "File name too long",
        foreign / "below.h5": "there is no exam file",
    }
    for file_path, said in cases.items():
        with pytest.raises(RecordingError) as error:
            open_exam(file_path)
        assert said in str(error.value)
        assert "\n" not in str(error.value)
        assert error.value.exit_code == 5
