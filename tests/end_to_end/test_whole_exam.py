"""The whole path over the real wire: simulator process, driver, engine, journal, file, findings, report."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import npr_daq as npr
from npr_daq.errors import SafetyTrip
from npr_daq.operator import PromptKind
from npr_daq.operators import ScriptedOperator
from npr_daq.report.html import write_report

LINES = {
    "serial": ("pty", "serial:{port}"),
    "tcp": ("tcp:127.0.0.1:0", "tcp:{host}:{port}"),
    "visa socket": ("tcp:127.0.0.1:0", "visa:TCPIP::{host}::{port}::SOCKET"),
    "visa asrl": ("pty", "visa:ASRL{port}::INSTR"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, both_sides: Path) -> tuple["npr.Exam", Path]:
    folder = tmp_path_factory.mktemp("whole")
    truth = folder / "truth.jsonl"
    with npr.connect(f"sim:branch_loss?seed=3&truth={truth}") as bench:
        assert bench.simulated
        return npr.run_exam(both_sides, bench, subject="E-2", affected="left", out=folder), truth


def test_findings_agree_with_the_truth(finished: tuple["npr.Exam", Path]) -> None:
    exam, truth_file = finished
    truth = {row["stim_seq"]: row for row in map(json.loads, truth_file.read_text().splitlines()[1:])}
    accepted = {
        side: [s.stim_seq for s in exam.recording.sweeps if s.role == "accept" and s.stimulus.side == side]
        for side in ("left", "right")
    }
    rows = [row for row in exam.findings.conduction if row.quality.accepted]
    assert {(row.side, row.muscle) for row in rows} == {
        (side, muscle) for side in ("left", "right") for muscle in ("nasalis", "zygomaticus", "orbicularis_oris")
    }
    for row in rows:
        onsets = [truth[seq]["channels"][f"{row.side}.{row.muscle}"]["t_ref"] for seq in accepted[row.side]]
        assert row.onset_latency_ms == pytest.approx(np.mean(onsets), abs=0.15)
    for row in exam.findings.symmetry:
        apparent = {
            side: np.mean([truth[seq]["channels"][f"{side}.{row.muscle}"]["app"]["pp_uv"] for seq in accepted[side]])
            for side in ("left", "right")
        }
        assert row.withheld is None
        assert row.percent == pytest.approx(100 * apparent["left"] / apparent["right"], abs=4.0)


def test_every_delivered_stimulus_is_in_the_file_once(finished: tuple["npr.Exam", Path]) -> None:
    exam, truth_file = finished
    delivered = [row["stim_seq"] for row in map(json.loads, truth_file.read_text().splitlines()[1:])]
    assert delivered == [s.stim_seq for s in exam.recording.sweeps] == list(range(1, len(delivered) + 1))


def test_the_file_says_that_it_is_simulated_and_opens_in_xarray(finished: tuple["npr.Exam", Path]) -> None:
    exam, _ = finished
    assert exam.header["simulated"] is True
    with xr.open_datatree(exam.path) as tree:
        step = tree["sweeps"][exam.recording.steps[0]].to_dataset()
        assert set(step["emg"].dims) == {"sweep", "channel", "time"}
        assert step["emg"].attrs["units"] == "V"
        assert float(step["emg"].sel(channel="right.nasalis").min()) < -0.5e-3


def test_the_report_says_that_it_is_simulated(finished: tuple["npr.Exam", Path], tmp_path: Path) -> None:
    exam, _ = finished
    write_report(exam, tmp_path / "report.html")
    assert "SIMULATED" in (tmp_path / "report.html").read_text()


def _counts(uri: str, protocol: Path, out: Path) -> str:
    with npr.connect(uri) as bench:
        exam = npr.run_exam(protocol, bench, subject="E-3", affected="left", out=out)
    digest = hashlib.sha256()
    for sweep in exam.recording.sweeps:
        digest.update(sweep.counts.tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("line", list(LINES))
def test_the_same_seed_gives_the_same_counts_over_every_line(
    line: str, one_site: Path, tmp_path: Path, simulator: type, reference_counts: str
) -> None:
    listen, pattern = LINES[line]
    with simulator("--patient", "healthy", "--seed", "5", "--speed", "max", "--listen", listen) as facts:
        place, _, options = facts["uri"].partition("?")
        address = place.partition(":")[2]
        host, _, port = address.rpartition(":")
        uri = f"frontend@{pattern.format(host=host, port=port)}?{options}"
        assert _counts(uri, one_site, tmp_path) == reference_counts


@pytest.fixture(scope="module")
def reference_counts(one_site: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return _counts("sim:healthy?seed=5", one_site, tmp_path_factory.mktemp("reference"))


def test_the_automatic_operator_needs_a_simulator() -> None:
    with npr.connect("sim:healthy") as bench:
        kept, bench.simulator = bench.simulator, None
        try:
            with pytest.raises(SafetyTrip, match="control endpoint is unknown"):
                bench.automatic_operator()
        finally:
            bench.simulator = kept


def test_the_hands_of_another_simulator_are_refused(simulator: type) -> None:
    with simulator("--speed", "max") as one, simulator("--speed", "max") as other:
        place, _, _ = one["uri"].partition("?")
        control = other["uri"].partition("?")[2]
        with pytest.raises(SafetyTrip, match="not the connected device"):
            npr.connect(f"{place}?{control}")


def test_a_caution_that_nobody_confirmed_refuses(one_site: Path, tmp_path: Path) -> None:
    with npr.connect("sim:healthy") as bench:
        assert bench.simulator is not None
        answers = bench.simulator.intake()
        cautious = answers.model_copy(
            update={"contraindications": answers.contraindications.model_copy(update={"pregnancy": True})}
        )
        with pytest.raises(SafetyTrip, match="pregnancy"):
            npr.run_exam(one_site, bench, subject="E-5", affected="left", out=tmp_path, intake=cautious,
                         operator=bench.automatic_operator())  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_without_confirmation_no_shock_is_above_the_warning_current(tmp_path: Path) -> None:
    """`deep_nerve` would need more than the warning current: a refused confirmation ends the search unproved."""
    protocol = tmp_path / "deep.toml"
    protocol.write_text(
        'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
        '[[step]]\nkind = "conduction"\nside = "healthy"\nsite = "temporal"\n'
    )
    with npr.connect("sim:deep_nerve?seed=2") as bench:
        assert bench.simulator is not None
        bench.simulator.client.call("place", side="right", site="temporal")
        operator = ScriptedOperator()
        exam = npr.run_exam(protocol, bench, subject="E-4", affected="left", out=tmp_path, operator=operator)
    asked = [prompt for prompt in operator.asked if prompt.kind is PromptKind.CONFIRM_CURRENT]
    assert len(asked) == 1
    assert max(s.stimulus.current_ma for s in exam.recording.sweeps) <= 12.0
    row = next(row for row in exam.findings.conduction if row.muscle == "frontalis")
    assert row.supramaximal.proved is False
