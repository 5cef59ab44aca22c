"""Proving an exam file: what is whole is proved, and what was changed is named by its path."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.errors import RecordingError
from npr_daq.exam.exam import open_exam
from npr_daq.exam.seal import seal
from npr_daq.exam.verification import Verification
from npr_daq.findings.marks import Marker, Place

ONSET = Place(Side.LEFT, Branch.BUCCAL, Muscle.NASALIS, Marker.ONSET)
STEP = "sweeps/02_conduction_buccal_left"


@pytest.fixture(scope="module")
def kept(recording, write_journal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    seal(write_journal(recording, folder / "e.jrn"))
    return folder


@pytest.fixture
def path(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return tmp_path / "e.h5"


def verified(path: Path) -> Verification:
    with open_exam(path) as exam:
        return exam.verify()


def failed(path: Path) -> dict[str, str]:
    return {check.name: check.said for check in verified(path).checks if not check.ok}


def test_a_sealed_exam_with_its_journal_verifies(path: Path) -> None:
    before = path.read_bytes()
    found = verified(path)
    said = {check.name: check.said for check in found.checks}
    assert found.ok, found
    assert found.difference is None
    assert "every raw value is the journal's" in said["journal"]
    assert said["findings"].startswith("computed again and equal (bit for bit, same versions")
    assert said["edits"] == "nothing was edited"
    assert path.read_bytes() == before
    assert json.loads(json.dumps(found.to_dict()))["ok"] is True


def test_marks_do_not_change_what_was_sealed(path: Path) -> None:
    with open_exam(path) as exam:
        exam.mark(ONSET, 3.6, by="A")
        found = exam.verify()
    assert found.ok
    assert any("1 entries, chain whole" in check.said for check in found.checks)


def test_saved_analyses_are_computed_again(path: Path) -> None:
    with open_exam(path) as exam:
        exam.save_analysis(exam.analyse(high_pass_hz=2.0), by="A")
        exam.mark(ONSET, 3.6, by="A")
        exam.save_analysis(exam.analyse(min_sweeps=4), by="A")
        exam.save_analysis(exam.analyse(edits=False), by="A")
        exam.mark(ONSET, 3.5, by="A")
        said = {check.name: check for check in exam.verify().checks}["saved analyses"]
    assert said.ok
    assert said.said == "3 of 3 computed again and equal bit for bit"


def test_a_saved_analysis_with_another_checksum_is_found(path: Path) -> None:
    from npr_daq.exam.analysing import findings_sha256
    from npr_daq.findings.agreement import software_of
    from npr_daq.storage.edits import Draft
    from npr_daq.storage.edits_file import append

    with open_exam(path) as exam:
        found = exam.analyse()
        after = {
            "edits": False,
            "parameters": {**found.provenance["parameters"], "min_sweeps": 4},
            "findings_sha256": findings_sha256(found),
            "software": software_of(found.to_dict()),
        }
        draft = Draft("A", "analysis", {}, None, after)
        append(exam.edits_path, draft, owner=exam.owner, when=datetime(2026, 1, 1, tzinfo=UTC), software="x")
    assert "entry 1: the findings have the checksum" in failed(path)["saved analyses"]
    with open_exam(path) as exam:
        other = Draft("A", "analysis", {}, None, {**after, "software": {**after["software"], "numpy": "1.0"}})
        exam.edits_path.unlink()
        append(exam.edits_path, other, owner=exam.owner, when=datetime(2026, 1, 1, tzinfo=UTC), software="x")
    assert failed(path) == {}


def changed(path: Path, change: Callable[[Any], None]) -> dict[str, str]:
    with h5py.File(path, "r+") as file:
        change(file)
    return failed(path)


def test_one_count_is_found_with_its_path(path: Path) -> None:
    def one_count(file: Any) -> None:
        file[f"{STEP}/emg"][3, 1, 700] += 1

    found = changed(path, one_count)
    assert "/raw_sha256" in found["raw data"]
    assert found["journal"] == f"/{STEP}/emg is not what the journal holds"
    path.with_suffix(".jrn.done").unlink()
    assert "raw data" in failed(path)


@pytest.mark.parametrize("name", ["simulated", "subject_code", "affected", "session_uuid"])
def test_a_root_attribute_that_says_otherwise(path: Path, name: str) -> None:
    def another(file: Any) -> None:
        file.attrs[name] = np.int8(0) if name == "simulated" else "another"

    assert f"the attribute /{name} is" in changed(path, another)["header"]


def test_a_recovered_exam_that_hides_it(path: Path) -> None:
    def hide(file: Any) -> None:
        file.attrs["recovered"] = np.int8(1)

    assert "the attribute /recovered is 1" in changed(path, hide)["journal"]


def test_the_header(path: Path) -> None:
    def older(file: Any) -> None:
        file.attrs["config_json"] = file.attrs["config_json"].replace('"age_years":40', '"age_years":41')

    assert changed(path, older)["header"] == "/config_json is not what config_sha256 says"


def test_a_value_of_a_findings_table(path: Path) -> None:
    def better(file: Any) -> None:
        file["findings/symmetry/percent"][0] = 99.0

    assert changed(path, better) == {
        "findings tables": "/findings/symmetry/percent is not what the findings' JSON says"
    }


def test_a_value_of_the_findings_json_and_of_its_table(path: Path) -> None:
    def better(file: Any) -> None:
        stored = json.loads(file["findings/json"].asstr()[()])
        stored["conduction"][1]["onset_latency_ms"] += 1e-12
        file["findings/conduction/onset_latency_ms"][1] += 1e-12
        file["findings/json"][()] = json.dumps(stored)

    found = changed(path, better)
    assert list(found) == ["findings"]
    assert found["findings"].startswith("/findings/json: conduction[")
    assert "onset_latency_ms: stored" in found["findings"]
    assert "so every bit counts" in found["findings"]


def test_other_versions_compare_within_tolerance(path: Path) -> None:
    def elsewhere(file: Any) -> None:
        stored = json.loads(file["findings/json"].asstr()[()])
        stored["provenance"]["software"]["numpy"] = "2.0.0"
        row = stored["conduction"][1]
        row["onset_latency_ms"] *= 1 + 1e-9
        file["findings/conduction/onset_latency_ms"][1] = row["onset_latency_ms"]
        file["findings/json"][()] = json.dumps(stored)

    assert changed(path, elsewhere) == {}
    said = {check.name: check.said for check in verified(path).checks}["findings"]
    assert "within tolerance, stored with npr-daq" in said
    assert "numpy 2.0.0" in said


def test_parameters_that_were_stored_are_those_that_are_used(path: Path) -> None:
    def narrower(file: Any) -> None:
        stored = json.loads(file["findings/json"].asstr()[()])
        stored["provenance"]["parameters"]["snr_latency"] = 1e6
        file["findings/json"][()] = json.dumps(stored)

    assert "onset_latency_ms: stored" in changed(path, narrower)["findings"]


def test_another_journal_beside_it(path: Path) -> None:
    journal = path.with_suffix(".jrn.done")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    assert failed(path)["journal"].startswith("/journal_sha256: e.jrn.done is not the journal")


def test_a_damaged_chunk_is_named(path: Path) -> None:
    with h5py.File(path, "r") as file:
        place = file[f"{STEP}/emg"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[place.byte_offset + place.size // 2] ^= 0xFF
    path.write_bytes(data)
    assert failed(path)["data sets"].startswith(f"/{STEP}/emg cannot be read")


def test_a_file_without_findings(path: Path) -> None:
    def remove(file: Any) -> None:
        for name in list(file["findings"]):
            del file["findings"][name]

    assert changed(path, remove) == {}


def test_edits_that_are_damaged(path: Path) -> None:
    with open_exam(path) as exam:
        exam.mark(ONSET, 3.6, by="A")
        exam.edits_path.write_bytes(exam.edits_path.read_bytes()[:-5])
    assert "has no end" in failed(path)["edits"]
    with open_exam(path) as exam, pytest.raises(RecordingError):
        exam.analyse()
