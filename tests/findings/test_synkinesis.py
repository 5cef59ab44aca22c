"""Rest and movements in the findings: clinical reference 5, and the bad input of the test."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from npr_daq.anatomy import Muscle, Side
from npr_daq.findings import Findings, compute
from npr_daq.findings.crosstalk_coefficients import coefficients
from npr_daq.findings.following import following
from npr_daq.findings.late_rows import ReflexRow, SpreadMatrixRow
from npr_daq.findings.synkinesis import Synkinesis
from npr_daq.findings.synkinesis_rows import SynkinesisRow
from npr_daq.findings.table import TableView
from npr_daq.recording import Event, Recording

Make = Callable[..., Recording]

EYES, SMILE, PUCKER, BROW = "close_eyes_tightly", "smile_open", "pucker", "wrinkle_forehead"
OCULI, ORIS, ZYGOMATICUS = "orbicularis_oculi", "orbicularis_oris", "zygomaticus"


@pytest.fixture(scope="module")
def make(moving: ModuleType, synthetic: ModuleType) -> Make:
    header = {k: v for k, v in synthetic.Face(sites=()).recording().header.items() if k != "affected"}

    def made(**settings: Any) -> Recording:
        return moving.Moving(**settings).recording(synthetic.calibration(), header)

    return made


@pytest.fixture(scope="module")
def recording(make: Make) -> Recording:
    return make(
        flaws={(PUCKER, 2): ("too weak",)},
        marked={(SMILE, 1): "talked"},
        gaps_s={f"05_movement_{BROW}": (2.6, 3.4)},
        tone={Muscle.ZYGOMATICUS: 3.0},
    )


@pytest.fixture(scope="module")
def found(recording: Recording) -> Findings:
    return compute(recording)


def pair(found: Findings, task: str, slave: str) -> SynkinesisRow:
    (row,) = found.synkinesis.pairs.where(task=task, slave=slave)
    return row


def test_declared_pairs_are_present_or_absent_and_others_have_no_reference(found: Findings) -> None:
    followed = pair(found, EYES, ORIS)
    assert followed.verdict == "present"
    assert followed.declared
    assert (followed.master, followed.cutoff) == (OCULI, 1.62)
    assert followed.q == pytest.approx(3, rel=0.15)
    assert followed.q_ci95[0] < followed.q < followed.q_ci95[1]
    assert followed.normalised_q == pytest.approx(3, rel=0.2)
    assert followed.affected_uv == pytest.approx(15, rel=0.15)
    assert followed.correlation.affected > 0.8
    assert followed.crosstalk < 0.05
    assert followed.significant
    assert {pair(found, task, OCULI).verdict for task in (SMILE, PUCKER)} == {"absent"}
    others = [row for row in found.synkinesis.pairs if not row.declared]
    assert {row.verdict for row in others} == {"no reference"}
    assert len(found.synkinesis.pairs) == 4 * 7
    assert list(dict.fromkeys(row.task for row in found.synkinesis.pairs)) == [EYES, SMILE, PUCKER, BROW]


def test_the_index_is_over_the_four_declared_pairs(found: Findings) -> None:
    declared = [row.q for row in found.synkinesis.pairs if row.declared]
    assert found.synkinesis.index == pytest.approx(np.log2(declared).mean())
    assert found.synkinesis.index_pairs == len(declared) == 4
    assert found.synkinesis.version == 1
    assert "version 1" in found.provenance["definitions"]["synkinesis"]


def test_every_repetition_is_told_with_who_judged_it(found: Findings) -> None:
    rows = {(r.task, r.repetition): r for r in found.synkinesis.repetitions}
    assert len(rows) == 16
    assert rows[EYES, 1].accepted
    assert (rows[EYES, 1].cue_s, rows[EYES, 2].cue_s, rows[EYES, 1].hold_s) == (2.0, 6.5, 1.5)
    assert (rows[PUCKER, 2].flaws, rows[PUCKER, 2].judged_by) == (("too weak",), "at once")
    assert (rows[SMILE, 1].flaws, rows[SMILE, 1].judged_by) == (("talked",), "technician")
    assert (rows[BROW, 1].flaws[-1], rows[BROW, 1].judged_by) == ("samples missing", "analysis")
    for row in (rows[PUCKER, 2], rows[SMILE, 1], rows[BROW, 1]):
        assert not row.accepted
        assert pair(found, row.task, "mentalis").repetitions.accepted == 3
        assert pair(found, row.task, "mentalis").repetitions.total == 4


def test_gaps_are_masked_and_the_quality_says_how_much(found: Findings) -> None:
    account = {c["name"]: c for c in found.quality["continuous"]}
    holed = account[f"05_movement_{BROW}"]
    assert holed["missing_s"] == pytest.approx(0.8)
    assert holed["missing_percent"] == pytest.approx(100 * 0.8 / 20)
    assert account["01_rest"]["missing_s"] == 0
    assert any("0.80 s of 20.0 s (4.0 %)" in text for text in found.quality["warnings"])


def test_tone_is_that_of_rest(found: Findings) -> None:
    (high,), (calm,) = (found.tone.where(muscle=muscle) for muscle in (ZYGOMATICUS, OCULI))
    assert high.ratio == pytest.approx(3, rel=0.15)
    assert high.ci95[0] > 2.5
    assert calm.ratio == pytest.approx(1, rel=0.1)
    assert calm.seconds == 9
    assert len(found.tone) == 8


def test_json_comes_back_equal_and_columns_have_units(found: Findings) -> None:
    text = found.to_json()
    again = Findings.from_json(text)
    assert again == found
    assert again.to_json() == text
    tables = found.tables()
    assert {"synkinesis", "synkinesis_index", "repetitions", "tone", "following"} <= set(tables)
    for name in ("synkinesis", "synkinesis_index", "repetitions", "tone", "following"):
        for column, values in tables[name].columns.items():
            numbers = np.asarray(values).dtype.kind in "if" and column not in ("significant", "version")
            assert numbers == (column in tables[name].units), (name, column)
    frame = found.synkinesis.pairs.to_frame()
    assert frame.loc[0, "task"] == EYES
    assert len(found.tone.to_frame()) == 8


def test_the_same_bits_again(recording: Recording, found: Findings) -> None:
    assert compute(recording).to_json() == found.to_json()


def test_files_of_before_are_read_and_nothing_recorded_is_empty(found: Findings) -> None:
    data = json.loads(found.to_json())
    data["synkinesis"], data["tone"] = {"pairs": [], "index": None, "index_ci95": None}, []
    del data["following"]
    old = Findings.from_dict(data)
    assert old.synkinesis == Synkinesis()
    assert len(old.tables()["synkinesis_index"].columns["index"]) == 0
    assert (len(old.tone), len(old.following)) == (0, 0)


def test_a_montage_without_the_muscle_says_which_pair_cannot_be_tested(make: Make, moving: ModuleType) -> None:
    few = (Muscle.FRONTALIS, Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS)
    found = compute(make(muscles=few, without=("right.orbicularis_oris",)))
    assert pair(found, EYES, ORIS).verdict == "refused"
    assert pair(found, EYES, ORIS).reasons == ("orbicularis oris is not recorded on the right side",)
    assert pair(found, EYES, ZYGOMATICUS).reasons == ("zygomaticus is not recorded",)
    assert pair(found, SMILE, OCULI).reasons == ("zygomaticus is not recorded",)
    assert pair(found, EYES, "frontalis").verdict == "no reference"
    assert pair(found, EYES, "frontalis").q is not None
    assert found.synkinesis.index is None
    assert found.tone.where(muscle=ORIS)[0].reasons == ("orbicularis oris is not recorded on the right side",)


def test_too_few_repetitions_refuse_their_task_alone(make: Make) -> None:
    levels = {task: {Muscle.ORBICULARIS_OCULI: (40, 40), Muscle.ORBICULARIS_ORIS: (30, 30)} for task in (EYES, PUCKER)}
    found = compute(make(levels=levels, marked={(PUCKER, 1): "", (PUCKER, 3): "talked"}))
    row = pair(found, PUCKER, OCULI)
    assert (row.verdict, row.repetitions.accepted, row.q, row.significant) == ("refused", 2, None, None)
    assert "fewer than 3 accepted repetitions" in row.reasons
    assert pair(found, EYES, ORIS).verdict != "refused"
    assert (found.synkinesis.index, found.synkinesis.index_pairs) == (None, 3)


@pytest.mark.parametrize(("affected", "divided"), [("none", True), ("both", False)])
def test_without_one_affected_side_nothing_is_decided(make: Make, moving: ModuleType, affected, divided) -> None:
    levels = {task: moving.LEVELS[task] for task in (EYES, BROW)}
    found = compute(make(affected=affected, levels=levels, rest_s=0.0))
    row = pair(found, EYES, ORIS)
    assert row.verdict == "no reference"
    assert (row.q is not None) == divided
    assert row.affected_uv == pytest.approx(15, rel=0.15)
    assert any(("right over left" if divided else "both sides") in reason for reason in row.reasons)
    assert found.synkinesis.index is None
    # No rest by itself: the leads stand for it, and say nothing of tone.
    assert any("no rest was recorded" in text for text in found.quality["warnings"])
    assert len(found.tone) == 0


def test_an_input_at_its_limit_spoils_the_repetition(make: Make, moving: ModuleType) -> None:
    made = make(levels={EYES: moving.LEVELS[EYES]})
    counts = made.captures[1].counts.copy()
    counts[:, round(3.0 * moving.RATE_HZ)] = 2**23 - 1
    found = compute(replace(made, captures=(made.captures[0], replace(made.captures[1], counts=counts))))
    assert found.synkinesis.repetitions[0].flaws == ("saturated (right side)",)
    assert pair(found, EYES, ORIS).repetitions.accepted == 3


def test_a_channel_that_is_stuck_is_no_quiet_one(make: Make, moving: ModuleType) -> None:
    made = make(levels={EYES: moving.LEVELS[EYES]})
    movement = made.captures[1]
    row = made.montage.names.index("right.orbicularis_oris")
    counts = movement.counts.copy()
    counts[row, round(1.0 * moving.RATE_HZ) :] = 7
    found = compute(replace(made, captures=(made.captures[0], replace(movement, counts=counts))))
    assert (pair(found, EYES, ORIS).verdict, pair(found, EYES, ORIS).q) == ("refused", None)
    others = [p for p in found.synkinesis.pairs if p.slave != ORIS]
    assert others
    assert all(p.repetitions.accepted for p in others)
    [said] = [w for w in found.quality["warnings"] if "repeats one value" in w]
    assert said.startswith(f"{movement.name}: right.orbicularis_oris repeats one value for ")


def test_rest_alone_is_tone_alone(make: Make) -> None:
    found = compute(make(levels={}))
    assert len(found.tone) == 8
    assert found.synkinesis == Synkinesis()
    assert str(found.synkinesis).startswith("<0 x SynkinesisRow>")


def test_nonsense_is_told_and_nothing_raises(make: Make, moving: ModuleType) -> None:
    made = make(levels={EYES: moving.LEVELS[EYES]})
    good = next(e for e in made.events if e.kind == "repetition").detail
    nonsense = [
        {"cue_sample": 10, "release_sample": 3010},
        {"cue_sample": good["release_sample"], "release_sample": good["cue_sample"]},
        {"cue_sample": good["cue_sample"] + 1, "release_sample": good["release_sample"] + 1},
        {"cue_sample": "soon"},
        {"task": "yodel"},
        {"task": PUCKER},
        {"capture": "nowhere"},
        {"stream_id": 7},
        {"release_sample": good["cue_sample"] + 1},
    ]
    events = [Event("repetition", "", detail={**good, **each, "repetition": 90 + n}) for n, each in enumerate(nonsense)]
    bad = [Event("repetition", "", detail={}), Event("rest", "", detail={"capture": "01_rest", "first_sample": 9e9})]
    marks = [Event("repetition marked", "", detail={"repetition": None})]
    found = compute(replace(made, events=(*made.events, *events, *bad, *marks)))
    assert sum("is not used" in text for text in found.quality["warnings"]) == len(nonsense) + len(bad)
    assert pair(found, EYES, ORIS).q == pair(compute(made), EYES, ORIS).q
    assert pair(found, EYES, ORIS).repetitions.accepted == 4
    # Nothing but nonsense, then captures that fit nothing.
    alone = compute(replace(made, captures=(), events=tuple(events)))
    assert len(alone.synkinesis.pairs) == 0
    assert sum("is not used" in text for text in alone.quality["warnings"]) == len(nonsense)
    odd = [replace(made.captures[1], counts=made.captures[1].counts[:3]), replace(made.captures[0], rate_hz=1000.0)]
    assert all(row.verdict == "refused" for row in compute(replace(made, captures=tuple(odd))).synkinesis.pairs)
    silent = compute(replace(made, events=()))
    assert pair(silent, EYES, ORIS).verdict == "refused"
    assert any("could not be analysed" in text for text in silent.quality["warnings"])


def cell(stimulated: str, recorded: str, mv: float, **more: Any) -> SpreadMatrixRow:
    return SpreadMatrixRow("right", stimulated, recorded, more.pop("window", "early"), own=more.pop("own", False),
                           as_recorded_mv=mv, **more)  # fmt: skip


def test_following_puts_side_by_side_what_each_test_saw(found: Findings) -> None:
    reflex = ReflexRow(
        "left", "left", "mentalis", 8.0, 8, "synkinetic", r1_latency_ms=12.5, r1_uv=80.0, verdict="present"
    )
    few = ReflexRow("right", "right", "mentalis", 8.0, 2, "synkinetic")
    late = SpreadMatrixRow(
        "left", "zygomatic", ORIS, "late", own=False, remainder_percent=14.0, verdict="present", as_recorded_mv=0.1
    )
    nothing = following(TableView(SynkinesisRow), TableView(ReflexRow, [few]), TableView(SpreadMatrixRow), "left")
    assert len(nothing) == 0
    rows = following(
        found.synkinesis.pairs, TableView(ReflexRow, [reflex, few]), TableView(SpreadMatrixRow, [late]), "left"
    )
    assert len(rows) == 6
    (mouth,), (chin,) = rows.where(master=OCULI, slave=ORIS), rows.where(slave="mentalis")
    assert (mouth.voluntary_verdict, mouth.late_verdict, mouth.reflex_verdict) == ("present", "present", "")
    assert (mouth.late_percent.affected, mouth.late_percent.healthy) == (14.0, None)
    assert (chin.reflex_verdict, chin.reflex_latency_ms.affected, chin.reflex_uv.affected) == ("present", 12.5, 80.0)
    assert chin.reflex_latency_ms.healthy is None
    assert found.following[0].voluntary_q == pair(found, EYES, ORIS).q


def test_5_5_coefficients_are_those_of_proved_sites_without_current_spread(synthetic: ModuleType) -> None:
    made = synthetic.Face(sites=(synthetic.Branch.ZYGOMATIC, synthetic.Branch.TEMPORAL), crosstalk=0.04).recording()
    muscles = (Muscle.FRONTALIS, Muscle.ORBICULARIS_OCULI, Muscle.NASALIS)
    sites = compute_sites(made)
    rows = [
        cell("zygomatic", OCULI, 2.0, own=True),
        cell("zygomatic", "frontalis", 0.3, verdict="current spread"),
        cell("zygomatic", "nasalis", 0.1, verdict="volume conduction"),
    ]
    found = coefficients([(sites, TableView(SpreadMatrixRow, rows))], Side.RIGHT, [Muscle.ORBICULARIS_OCULI], muscles)
    assert found[0, 2] == pytest.approx(0.05)
    assert np.isnan(found[0, :2]).all()
    left = coefficients([(sites, TableView(SpreadMatrixRow, rows))], Side.LEFT, [Muscle.ORBICULARIS_OCULI], muscles)
    assert np.isnan(left).all()


def compute_sites(made: Recording) -> Any:
    from npr_daq.findings.parameters import DEFAULT
    from npr_daq.findings.site import measure

    return measure(made, DEFAULT)


def test_a_crosstalk_step_gives_coefficients_and_no_conduction(make: Make, moving: ModuleType, synthetic) -> None:
    shocks = synthetic.Face(sites=(synthetic.Branch.ZYGOMATIC,), sides=(Side.RIGHT,), crosstalk=0.04).recording()
    made = make(levels={EYES: moving.LEVELS[EYES]})
    steps = [*made.header["steps"], *({"name": name, "kind": "crosstalk"} for name in shocks.steps)]
    both = replace(made, header={**made.header, "steps": steps}, sweeps=shocks.sweeps, searches=shocks.searches)
    found = compute(both)
    row = pair(found, EYES, ORIS)
    assert row.crosstalk_coefficient == pytest.approx(0.04, rel=0.2)
    assert "no cross-talk coefficient from stimulation" not in row.reasons
    assert len(found.conduction) == len(found.spread_matrix) == 0
    assert found.dose[0].pulses > 0
