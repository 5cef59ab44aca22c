"""`--norms FILE` on analyse and report, as a user types it."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from npr_daq.anatomy import Branch, Muscle
from npr_daq.exam.seal import findings_or_reason
from npr_daq.montage import standard_montage
from npr_daq.storage.writer import write_exam

OWN = 'name = "ours"\nversion = "1"\n[[norm]]\nquantity = "peak_to_peak_mv"\nbranch = "buccal"\nmuscle = "nasalis"\n'
LIMIT = 'low = 9.0\nsource = "own volunteers"\nevidence = "V"\n'


def npr(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "npr_daq", *map(str, arguments)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def exam(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    face = synthetic.Face(
        sites=(Branch.BUCCAL,), montage=standard_montage((Muscle.NASALIS,)), header={"affected": "both"}
    )
    recording = face.recording()
    found = findings_or_reason(recording, None)
    file = tmp_path_factory.mktemp("norms") / "e.h5"
    write_exam(recording, found.tables(), file, findings_json=found.to_json())
    return file


def test_analyse_and_report_with_own_norms(exam: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN + LIMIT, encoding="utf-8")
    table = npr("analyse", exam, "--norms", tmp_path / "own.toml")
    assert table.returncode == 0, table.stderr
    assert "Reference values: ours, version 1" in table.stdout
    assert "buccal nasalis: ↓ left pp below 9 mV" in table.stdout
    data = json.loads(npr("analyse", exam, "--json", "--norms", tmp_path / "own.toml").stdout)
    assert [row["outcome"] for row in data["norms"]] == ["below", "below"]
    assert data["provenance"]["reference"]["name"] == "ours"
    done = npr("report", exam, "--norms", tmp_path / "own.toml", "--out", tmp_path / "r.html")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "ours, version 1" in page
    assert "there is no ratio" in page


@pytest.mark.parametrize("command", ["analyse", "report"])
def test_a_wrong_file_is_a_wrong_command(exam: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "own.toml").write_text(OWN + LIMIT.replace("low", "lwo"), encoding="utf-8")
    done = npr(command, exam, "--norms", tmp_path / "own.toml")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "line 7: norm[1].lwo: 'lwo' is not a key that is known; did you mean 'low'?" in done.stderr
