"""`npr-daq mark`, `verify` and `analyse --save` as a user types them."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import h5py
import pytest

from npr_daq.anatomy import Branch, Muscle
from npr_daq.exam.seal import findings_or_reason
from npr_daq.montage import standard_montage
from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.writer import write_exam

NASALIS = ("--side", "left", "--branch", "buccal", "--muscle", "nasalis")


def npr(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "npr_daq", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def refused(done: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("npr-daq: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.fixture(scope="module")
def sealed(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    recording = synthetic.Face(sites=(Branch.BUCCAL,), montage=standard_montage((Muscle.NASALIS,))).recording()
    found = findings_or_reason(recording, raw_sha256(recording))
    file = tmp_path_factory.mktemp("marked") / "e.h5"
    write_exam(recording, found.tables(), file, findings_json=found.to_json())
    return file.read_bytes()


@pytest.fixture
def exam(sealed: bytes, tmp_path: Path) -> Path:
    file = tmp_path / "e.h5"
    file.write_bytes(sealed)
    return file


def onset(rows: list[dict[str, object]]) -> object:
    [row] = [row for row in rows if (row["side"], row["muscle"]) == ("left", "nasalis")]
    return row["onset_latency_ms"]


def test_from_mark_to_report(exam: Path, sealed: bytes) -> None:
    done = npr(
        "mark", exam, *NASALIS, "--marker", "onset", "--at", "3.6", "--by", "A. Berg", "--reason", "hum", "--json"
    )
    assert done.returncode == 0, done.stderr
    entry = json.loads(done.stdout)
    assert (entry["who"], entry["to"], entry["what"]) == ("A. Berg", 3.6, "mark")
    listed = npr("mark", exam, "--list")
    assert "A. Berg: left buccal nasalis onset: 3.09 ms -> 3.60 ms (hum)" in listed.stdout
    assert json.loads(npr("mark", exam, "--list", "--json").stdout) == [entry]
    assert onset(json.loads(npr("analyse", exam, "--json").stdout)["conduction"]) == 3.6
    assert onset(json.loads(npr("analyse", exam, "--json", "--no-edits").stdout)["conduction"]) == entry["from"]
    table = npr("analyse", exam).stdout
    assert "3.60!" in table
    assert "by hand: onset moved" in " ".join(table.split())
    for flag, said in (("--edits", True), ("--no-edits", False)):
        page = exam.parent / "page.html"
        assert npr("report", exam, "--out", page, flag).returncode == 0
        assert ("moved from 3.09 to 3.60 ms by A. Berg" in page.read_text(encoding="utf-8")) is said
    assert exam.read_bytes() == sealed


def test_saved_analyses_are_listed_and_proved(exam: Path, sealed: bytes) -> None:
    done = npr("analyse", exam, "--set", "window_end_ms=15", "--save", "--by", "A. Berg", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["provenance"]["parameters"]["window_end_ms"] == 15
    [entry] = json.loads(npr("mark", exam, "--list", "--json").stdout)
    assert entry["what"] == "analysis"
    assert entry["to"]["parameters"]["window_end_ms"] == 15
    found = npr("verify", exam, "--json")
    assert found.returncode == 0, found.stderr
    facts = json.loads(found.stdout)
    assert facts["ok"] is True
    assert facts["difference"] is None
    assert {check["name"]: check["said"] for check in facts["checks"]}["saved analyses"].startswith("1 of 1")
    told = npr("analyse", exam, "--save", "--by", "B. Lund").stdout.splitlines()[-2:]
    assert told[0].endswith("e.edits.jsonl, edit 2, by B. Lund")
    assert told[1].split() == ["head", json.loads(npr("mark", exam, "--list", "--json").stdout)[1]["sha256"]]
    assert exam.read_bytes() == sealed


def test_a_changed_exam_does_not_verify_and_the_path_is_named(exam: Path) -> None:
    with h5py.File(exam, "r+") as file:
        file["findings/dose/pulses"][0] += 1
    done = npr("verify", exam)
    refused(done, 5, "/findings/dose/pulses is not what the findings' JSON says")
    assert "FAILED  findings tables" in done.stdout
    facts = npr("verify", exam, "--json")
    assert facts.returncode == 5
    assert json.loads(facts.stdout)["difference"].startswith("/findings/dose/pulses")


def test_refusals_are_a_sentence_with_their_code(exam: Path) -> None:
    onset_of = ("mark", exam, *NASALIS, "--marker", "onset")
    refused(npr(*onset_of, "--at", "30", "--by", "A"), 3, "outside the response window of 1.5 to 20 ms")
    refused(npr(*onset_of, "--by", "A"), 2, "either --at MS or --as-measured")
    refused(npr(*onset_of, "--at", "3"), 2, "--by NAME")
    refused(npr("mark", exam, "--side", "left", "--at", "3", "--by", "A"), 2, "--branch is missing; use one of trunk")
    refused(npr("mark", exam, *NASALIS, "--marker", "top", "--at", "3", "--by", "A"), 2, "onset, negative_peak, offset")
    assert not exam.with_suffix(".edits.jsonl").exists()


def test_damaged_edits_are_exit_5_and_can_be_left_aside(exam: Path) -> None:
    exam.with_suffix(".edits.jsonl").write_text("nonsense\n")
    for command in (("analyse", exam), ("report", exam), ("mark", exam, "--list"), ("verify", exam)):
        refused(npr(*command), 5, "e.edits.jsonl is damaged: line 1 is no JSON")
    assert npr("analyse", exam, "--no-edits").returncode == 0
