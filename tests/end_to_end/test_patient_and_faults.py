"""The patient speaks, comes back on another day, and things go wrong by script: over the whole chain."""

import json
from pathlib import Path

import numpy as np
import pytest

import npr_daq as npr
from npr_daq.device.contracts import Block
from npr_daq.errors import UsageError


def test_a_patient_who_asks_to_stop_ends_the_site_and_the_finding_says_why(both_sides: Path, tmp_path: Path) -> None:
    with npr.connect("sim:submaximal?seed=2") as bench:
        exam = npr.run_exam(both_sides, bench, subject="E-6", affected="left", out=tmp_path)
    ended = {str(event.detail["step"]) for event in exam.recording.events if event.kind == "enough"}
    assert ended
    for step in ended:
        sweeps = [sweep for sweep in exam.recording.sweeps if sweep.step == step]
        # The first from 9 mA on was the last.
        assert [sweep.report.measured_ma >= 9.0 for sweep in sweeps].index(True) == len(sweeps) - 1
        rows = [row for row in exam.findings.conduction if row.side == str(sweeps[0].stimulus.side)]
        assert rows
        for row in rows:
            assert not row.supramaximal.proved
            assert "the patient asked to stop" in str(row.supramaximal.evidence["reason"])
            assert "the patient asked to stop" in row.quality.reasons[0]
    for row in exam.findings.symmetry:
        assert row.percent is None
        assert "the patient asked to stop" in str(row.withheld)


def test_faults_by_script_reach_the_exam_and_it_says_so(one_site: Path, tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text(
        "version = 2\n"
        '[[fault]]\nat_stimulus = 2\nlayer = "frame"\nwhat = "drop"\n'
        '[[fault]]\nat_stimulus = 4\nlayer = "frame"\nwhat = "swap"\n'
        '[[fault]]\nat_stimulus = 5\nlayer = "frame"\nwhat = "duplicate"\ncount = 3\n'
    )
    with npr.connect(f"sim:healthy?seed=5&faults={script}") as bench:
        exam = npr.run_exam(one_site, bench, subject="E-7", affected="left", out=tmp_path)
    spoiled = {sweep.stim_seq for sweep in exam.recording.sweeps if not sweep.valid}
    assert spoiled == {2, 4}
    assert sum(gap.missing for gap in exam.recording.gaps) >= 160
    row = next(row for row in exam.findings.conduction if row.muscle == "nasalis")
    assert row.quality.accepted


def onset_counts(uri: str, one_site: Path, out: Path) -> np.ndarray:
    with npr.connect(uri) as bench:
        exam = npr.run_exam(one_site, bench, subject="E-8", affected="left", out=out)
    return exam.recording.sweeps[3].counts


def test_another_visit_is_the_same_person_with_other_electrodes(one_site: Path, tmp_path: Path) -> None:
    found = []
    for number, query in enumerate(("", "&visit=1", "&visit=2", "&visit=2")):
        truth = tmp_path / f"{number}.jsonl"
        found.append(onset_counts(f"sim:healthy?seed=5{query}&truth={truth}", one_site, tmp_path / str(number)))
        assert json.loads(truth.read_text().splitlines()[0])["visit"] == (2 if "2" in query else 1)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[2], found[3])
    assert not np.array_equal(found[0], found[2])


def test_a_day_of_the_course_changes_the_nerve(tmp_path: Path) -> None:
    dead = []
    for day in (1, 10):
        truth = tmp_path / f"{day}.jsonl"
        with npr.connect(f"sim:bell_course?day={day}&truth={truth}"):
            header = json.loads(truth.read_text().splitlines()[0])
        dead.append(np.mean([share for name, share in header["degeneration"].items() if name.startswith("left")]))
    assert dead[0] < 0.2 < 0.5 < dead[1]


def test_a_movement_that_is_asked_for_is_in_the_samples_and_in_the_truth(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    with npr.connect(f"sim:healthy?seed=3&truth={truth}") as bench:
        assert bench.simulator is not None
        device = bench.device
        stream = device.start(20_000, tuple(range(16)))
        taken: list[np.ndarray] = []

        def run_to(sample: int) -> None:
            bench.clock.run_to(stream.stream_id, sample)
            while sum(counts.shape[1] for counts in taken) < sample:
                device.progress()
                taken.extend(item.counts for item in device.take(0.2) if isinstance(item, Block))

        run_to(20_000)
        bench.simulator.client.call("cue", task="smile_open", effort=0.8, seconds=2.0)
        run_to(60_000)
    zygomaticus = np.concatenate(taken, axis=1)[3]
    assert zygomaticus[35_000:55_000].std() > 5 * zygomaticus[5_000:20_000].std()
    line = json.loads(truth.read_text().splitlines()[1])
    assert (line["task"], line["stream_id"], line["cue_sample"]) == ("smile_open", 1, 20_000)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("visit=0", "visit is '0', not a whole number from 1 to 1000"),
        ("visit=1.5", "visit is '1.5'"),
        ("day=-1", "day is '-1', not a number of days from 0 to 3650"),
        ("day=nan", "day is 'nan'"),
        ("visits=2", "did you mean 'visit'"),
    ],
)
def test_a_day_or_visit_that_is_none_is_refused_at_once(query: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        npr.connect(f"sim:healthy?{query}")
