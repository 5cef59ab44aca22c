"""A face that moves: captures and events as a run writes them, and findings of the Synkinetic Correlation Test."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.expression import EXPRESSIONS, PRIME_MOVER, Task
from npr_daq.findings import DEFAULT, Findings
from npr_daq.findings.synkinesis import Synkinesis
from npr_daq.findings.synkinesis_rows import (
    Counted,
    FollowingRow,
    RepetitionRow,
    Sides,
    SynkinesisRow,
    ToneRow,
)
from npr_daq.findings.table import TableView
from npr_daq.recording import Capture, Event, Recording

RATE_HZ = 2000.0
FIRST_SAMPLE = 12_345
LEAD_S, HOLD_S, REST_S = 2.0, 3.0, 5.0
DECLARED = {
    (Task.CLOSE_EYES_TIGHTLY, Muscle.ORBICULARIS_ORIS): (1.62, "present"),
    (Task.CLOSE_EYES_TIGHTLY, Muscle.ZYGOMATICUS): (1.62, "indeterminate"),
    (Task.SMILE_OPEN, Muscle.ORBICULARIS_OCULI): (1.79, "refused"),
    (Task.PUCKER, Muscle.ORBICULARIS_OCULI): (1.79, "absent"),
}


def moving(
    plain: Recording, tasks: Sequence[Task] = (Task.CLOSE_EYES_TIGHTLY, Task.PUCKER), seed: int = 1
) -> Recording:
    """`plain` without its sweeps, with 10 s of rest and five repetitions of each task; the second of them rejected."""
    rng = np.random.default_rng(seed)
    names = plain.montage.channels
    steps: list[dict[str, Any]] = [{"name": "01_rest", "kind": "rest", "seconds": 10.0}]
    captures = [_capture(plain, rng, "01_rest", np.full((len(names), round(10 * RATE_HZ)), 4.0))]
    events = [Event("rest", "rest is over", detail={
        "step": "01_rest", "capture": "01_rest", "first_sample": FIRST_SAMPLE,
        "last_sample": FIRST_SAMPLE + round(10 * RATE_HZ), "missing_samples": 0,
    })]  # fmt: skip
    for number, task in enumerate(tasks, start=2):
        step = f"{number:02d}_movement_{task}"
        steps.append({"name": step, "kind": "movement", "task": str(task), "hold_s": HOLD_S, "rest_s": REST_S})
        cues = LEAD_S + (HOLD_S + REST_S) * np.arange(5)
        time = np.arange(round((LEAD_S + 5 * (HOLD_S + REST_S)) * RATE_HZ)) / RATE_HZ
        held = np.zeros_like(time)
        for cue in cues:
            held += np.clip((time - cue - 0.3) / 0.3, 0, 1) * np.clip((cue + HOLD_S + 0.3 - time) / 0.3, 0, 1)
        size = np.array([[_strength(task, c.muscle, c.side)] for c in names])
        captures.append(_capture(plain, rng, step, 4.0 + size * held))
        events += [
            Event("repetition", "", detail={
                "step": step, "task": str(task), "repetition": k, "capture": step, "stream_id": 1,
                "cue_sample": FIRST_SAMPLE + round(cue * RATE_HZ),
                "release_sample": FIRST_SAMPLE + round((cue + HOLD_S) * RATE_HZ),
                "accepted": k != 2, "flaws": [] if k != 2 else ["held too short"],
            })
            for k, cue in enumerate(cues, start=1)
        ]  # fmt: skip
    protocol = {"name": "synkinetic_correlation", "title": "Synkinetic Correlation Test", "version": "1", "text": ""}
    header = dict(plain.header) | {"steps": steps, "protocol": protocol}
    return replace(
        plain, header=header, sweeps=(), searches={}, captures=tuple(captures), events=(*plain.events, *events)
    )


def _strength(task: Task, muscle: Muscle, side: Side) -> float:
    if muscle is PRIME_MOVER[task]:
        return 60.0 if side is Side.LEFT else 100.0
    return 30.0 if side is Side.LEFT and (task, muscle) in DECLARED else 6.0


def _capture(plain: Recording, rng: np.random.Generator, name: str, uv: np.ndarray) -> Capture:
    lsb = plain.calibration.lsb_uv(tuple(c.index for c in plain.montage.channels))
    counts = np.rint(rng.normal(size=uv.shape) * uv / lsb[:, None]).astype(np.int32)
    return Capture(name, name, 1, RATE_HZ, FIRST_SAMPLE, counts)


def pair(task: Task, slave: Muscle, **changes: Any) -> SynkinesisRow:
    """One row, plausible, without a published cut-off unless declared."""
    cutoff, verdict = DECLARED.get((task, slave), (None, "no reference"))
    q = 2.6 if verdict == "present" else 1.3
    row = SynkinesisRow(
        task=str(task), master=str(PRIME_MOVER[task]), slave=str(slave), declared=cutoff is not None, cutoff=cutoff,
        q=q, q_ci95=(q / 1.2, q * 1.2), q_bca_ci95=(q / 1.15, q * 1.18), q_censored=False,
        normalised_q=q * 1.5, normalised_q_ci95=(q * 1.1, q * 2.0), gain=Sides(0.41, 0.08), gain_ratio=5.1,
        gain_ratio_ci95=(3.9, 6.6), correlation=Sides(0.91, 0.32), peak_correlation=Sides(0.93, 0.35),
        lag_ms=Sides(12.0, -30.0), slope=Sides(0.44, 0.07), duration_ratio=Sides(0.97, 0.4), overlap=Sides(0.88, 0.2),
        onset_difference_ms=Sides(25.0, None), coherence=Sides(0.21, 0.05), coherence_limit=0.07,
        cocontraction=Sides(0.3, 0.1), coefficient=Sides(0.4, 0.02), affected_uv=26.0, healthy_uv=10.0,
        difference_db=20 * float(np.log10(q)), master_uv=Sides(60.0, 100.0), crosstalk=0.04,
        crosstalk_healthy=0.02, crosstalk_coefficient=None,
        significant=verdict == "present", repetitions=Counted(5, 6), verdict=verdict,
        reasons=("no cross-talk coefficient from stimulation",) if cutoff else (),
    )  # fmt: skip
    return replace(row, **changes)


def with_movement(plain: Findings, tasks: Sequence[Task] = EXPRESSIONS, **changes: Any) -> Findings:
    """`plain` with every table of movements and rest."""
    rows = [
        pair(task, muscle, affected_uv=60.0, healthy_uv=100.0, q=0.6, q_ci95=(0.5, 0.7), difference_db=-4.4)
        if muscle is PRIME_MOVER[task]
        else pair(task, muscle)
        for task in tasks
        for muscle in FACIAL_MUSCLES
        if muscle is not Muscle.PLATYSMA or task is not Task.BLINK
    ]
    tries = [
        RepetitionRow(f"{n:02d}_movement_{task}", str(task), k, 2.0 + 8 * (k - 1), HOLD_S, k != 2,
                      () if k != 2 else ("held too short",), "" if k != 2 else "at once")
        for n, task in enumerate(tasks, start=2) for k in range(1, 6)
    ]  # fmt: skip
    tone = [
        ToneRow(str(m), 4.0 * (1 + n % 3), 4.1, (1 + n % 3) * 0.98, (0.9 * (1 + n % 3), 1.05 * (1 + n % 3)),
                (3.9 * (1 + n % 3), 4.2 * (1 + n % 3)), (4.0, 4.2), 28, Sides(0.02, 0.01))
        for n, m in enumerate(FACIAL_MUSCLES)
    ]  # fmt: skip
    following = [
        FollowingRow("orbicularis_oculi", "orbicularis_oris", "close_eyes_tightly", 2.6, (2.2, 3.1), Sides(0.93, 0.35),
                     "present", "synkinetic", Sides(13.1, None), Sides(120.0, None), Sides(14.2, 1.1), Sides(6.0, 0.2),
                     "present"),
        FollowingRow("orbicularis_oris", "orbicularis_oculi", "pucker", 1.3, (1.1, 1.5), Sides(0.8, 0.3), "absent"),
    ]  # fmt: skip
    synkinesis = Synkinesis(1, TableView(SynkinesisRow, rows), 0.91, (0.62, 1.2), 4, 0, TableView(RepetitionRow, tries))
    tables = {
        "synkinesis": synkinesis, "tone": TableView(ToneRow, tone), "following": TableView(FollowingRow, following),
    }  # fmt: skip
    return replace(plain, **{**tables, **changes})


def exam(recording: Recording, findings: Findings) -> Any:
    """What a page asks of an exam, without a file."""
    return SimpleNamespace(
        recording=recording, findings=findings, parameters=DEFAULT, attrs={"raw_sha256": "0" * 64}, path=Path("e.h5")
    )
