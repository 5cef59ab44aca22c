"""What is true of each declared pair of a cohort's patient, and which pairs are positive and negative.

Written before any result was seen:

pair        master and slave of a task with a published cut-off, on the affected side; four in each patient
weight      share of the slave's living units (by size) that the master's pool commands, and the gain of a central link
            from master to slave; from the header of the truth file and the patient's file
true Q      sqrt(app^2 - rest^2) of the slave, affected over healthy side: `app` is what all muscles and both halves must
            give in the slave's channel at the plateau, 20 to 450 Hz (so cross-talk is part of it), geometric mean over
            the repetitions that counted. Both terms are floored at the upper 95 % limit of rest, the affected side's at
            the lower of both, as in the analysis; `censored` where the healthy one was. The twin is divided by the same
            ratio of the slave's own maxima.
positive    a pair of a patient of the synkinetic half: by Q where true Q is 3 or more, by weight where it is 10 % or
            more; it is found where the verdict is present. Absent, indeterminate and refused all count against it.
negative    every declared pair of a patient of the other half, whatever its true Q (doubled cross-talk lifts it above
            the cut-off). Wrong is present and nothing else: refused for cross-talk is right there, and absent,
            indeterminate and refused are counted beside it. Those with a true Q below the cut-off are tabled apart.
between     pairs of the synkinetic half that are neither: their verdicts are counted, nothing is claimed of them
covered     true Q lies in the interval of Q; of pairs whose Q is uncensored in the findings and in truth, and that were
            not refused
"""

import json
from dataclasses import dataclass
from math import exp, inf, log, nan, sqrt
from pathlib import Path
from typing import Any

import numpy as np

PAIRS = (
    ("close_eyes_tightly", "orbicularis_oculi", "orbicularis_oris"),
    ("close_eyes_tightly", "orbicularis_oculi", "zygomaticus"),
    ("pucker", "orbicularis_oris", "orbicularis_oculi"),
    ("smile_open", "zygomaticus", "orbicularis_oculi"),
)
OWN = {"orbicularis_oris": "pucker", "zygomaticus": "smile_open", "orbicularis_oculi": "close_eyes_tightly"}
SIDES = {True: "left", False: "right"}
"""The cohort's lesions are on the left."""
POSITIVE_Q, POSITIVE_WEIGHT = 3.0, 0.10


@dataclass(frozen=True, slots=True)
class Pair:
    """One declared pair of one patient: what is true, and what the findings say (`row`)."""

    seed: int
    group: str
    kind: str
    task: str
    slave: str
    weight: float
    true_q: float
    true_twin: float
    censored: bool
    row: dict[str, Any]

    @property
    def verdict(self) -> str:
        """The word of the findings."""
        return str(self.row["verdict"])

    @property
    def name(self) -> str:
        """Task and slave, for a table."""
        return f"{self.task} -> {self.slave}".replace("_", " ")

    @property
    def synkinetic(self) -> bool:
        """Whether it belongs to the synkinetic half."""
        return self.group == "synkinetic"


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient with her pairs; `index` NaN where the findings have none."""

    seed: int
    group: str
    kind: str
    pairs: tuple[Pair, ...]
    index: float
    index_ci95: tuple[float, float]

    @property
    def weight(self) -> float:
        """Mean misrouted weight of the declared pairs."""
        return sum(pair.weight for pair in self.pairs) / len(self.pairs)


def patient(folder: Path) -> Patient:
    """One exam of the cohort, analysed as it is now, beside its truth."""
    import npr_daq as npr
    from npr_simulators.person.cohort import enrolled

    seed = int(folder.name)
    who = enrolled(seed)
    with npr.open_exam(folder / "exam.h5") as opened:
        found = opened.analyse().to_dict()
        cued = {
            (event.detail["step"], event.detail["repetition"]): event.detail["cue_sample"]
            for event in opened.recording.events
            if event.kind == "repetition"
        }
    with (folder / "truth.jsonl").open(encoding="utf-8") as lines:
        header = json.loads(next(lines))
        moved = {line["cue_sample"]: line for line in map(json.loads, lines) if "cue_sample" in line}
    counted: dict[str, list[dict[str, Any]]] = {}
    for row in found["synkinesis"]["repetitions"]:
        if row["accepted"]:
            counted.setdefault(row["task"], []).append(moved[cued[row["step"], row["repetition"]]])
    rest = {row["muscle"]: row for row in found["tone"]}
    central = {(str(link.source), str(link.target)): link.gain for link in who.case.central}
    rows = {(row["task"], row["slave"]): row for row in found["synkinesis"]["pairs"]}
    pairs = []
    for task, master, slave in PAIRS:
        share = header["misrouting"]["left"].get(master, {}).get(slave, 0.0)
        q, low = _true_q(counted.get(task, []), slave, rest[slave])
        own = _own_ratio(counted.get(OWN[slave], []), slave)
        weight = share + central.get((master, slave), 0.0)
        row = rows[task, slave]
        pairs.append(Pair(seed, who.group, who.kind, task, slave, weight, q, q / own, low, row))
    index, ends = found["synkinesis"]["index"], found["synkinesis"]["index_ci95"]
    return Patient(seed, who.group, who.kind, tuple(pairs), nan if index is None else index, tuple(ends or (-inf, inf)))


def _true_q(made: list[dict[str, Any]], slave: str, rest: dict[str, Any]) -> tuple[float, bool]:
    """Geometric mean of the side ratio over the repetitions, and whether the healthy side was floored in any."""
    healthy_floor = (rest["healthy_ci95_uv"] or (0, rest["healthy_uv"] or 0.0))[1]
    floor = min((rest["affected_ci95_uv"] or (0, rest["affected_uv"] or inf))[1], healthy_floor)
    logs, low = [], False
    for line in made:
        affected, healthy = (_risen(line, side, slave) for side in SIDES.values())
        low = low or healthy < healthy_floor
        logs.append(log(max(affected, floor)) - log(max(healthy, healthy_floor)))
    return (exp(float(np.mean(logs))), low) if logs else (nan, True)


def _own_ratio(made: list[dict[str, Any]], slave: str) -> float:
    logs = [log(max(_risen(line, "left", slave), 0.1) / max(_risen(line, "right", slave), 0.1)) for line in made]
    return exp(float(np.mean(logs))) if logs else nan


def _risen(line: dict[str, Any], side: str, muscle: str) -> float:
    """What the movement adds to rest in a channel, uV."""
    seen = line["channels"][f"{side}.{muscle}"]
    return sqrt(max(seen["app"]["band_uv"] ** 2 - seen["rest"]["band_uv"] ** 2, 0.0))
