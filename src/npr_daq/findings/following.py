"""What kind of following: what each test saw of the same two muscles, side by side, without a word on why."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from npr_daq.anatomy import Muscle, own_branch
from npr_daq.expression import Task
from npr_daq.findings.late_rows import TOO_FEW, ReflexRow, SpreadMatrixRow
from npr_daq.findings.roles import Roles
from npr_daq.findings.synkinesis_rows import FollowingRow, Sides, SynkinesisRow
from npr_daq.findings.table import TableView

EARLY, LATE, SYNKINETIC = "early", "late", "synkinetic"

PAIRS: Sequence[tuple[Task, Muscle, Muscle]] = (
    (Task.CLOSE_EYES_TIGHTLY, Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS),
    (Task.CLOSE_EYES_TIGHTLY, Muscle.ORBICULARIS_OCULI, Muscle.ZYGOMATICUS),
    (Task.CLOSE_EYES_TIGHTLY, Muscle.ORBICULARIS_OCULI, Muscle.MENTALIS),
    (Task.CLOSE_EYES_TIGHTLY, Muscle.ORBICULARIS_OCULI, Muscle.PLATYSMA),
    (Task.PUCKER, Muscle.ORBICULARIS_ORIS, Muscle.ORBICULARIS_OCULI),
    (Task.SMILE_OPEN, Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_OCULI),
)
"""Task, master and slave: the declared pairs, and what else the eye is known to take along (clinical reference 5.6)."""

R = TypeVar("R")


def following(
    pairs: TableView[SynkinesisRow],
    reflex: TableView[ReflexRow],
    matrix: TableView[SpreadMatrixRow],
    affected: str,
) -> TableView[FollowingRow]:
    """One row for each pair of which at least one test saw something that it could measure."""
    roles = Roles.of(affected)
    rows = (_row(task, master, slave, pairs, reflex, matrix, roles) for task, master, slave in PAIRS)
    return TableView(FollowingRow, [row for row in rows if row is not None])


def _row(
    task: Task,
    master: Muscle,
    slave: Muscle,
    pairs: TableView[SynkinesisRow],
    reflex: TableView[ReflexRow],
    matrix: TableView[SpreadMatrixRow],
    roles: Roles,
) -> FollowingRow | None:
    moved = next(iter(pairs.where(task=str(task), slave=str(slave))), None)
    answered = [_reflex(reflex, str(side), master, slave) for side in roles.sides]
    early, late = (
        [_cell(matrix, str(side), master, slave, window) for side in roles.sides] for window in (EARLY, LATE)
    )
    seen = (
        (moved is not None and moved.affected_uv is not None)
        or any(row is not None for row in answered)
        or any(cell is not None for cell in (*early, *late))
    )
    if not seen:
        return None
    return FollowingRow(
        master=str(master),
        slave=str(slave),
        task=str(task),
        voluntary_q=None if moved is None else moved.q,
        voluntary_ci95=None if moved is None else moved.q_ci95,
        voluntary_correlation=Sides() if moved is None else moved.peak_correlation,
        voluntary_verdict="" if moved is None else moved.verdict,
        reflex_verdict="" if answered[0] is None else answered[0].verdict,
        reflex_latency_ms=_sides(answered, lambda row: row.r1_latency_ms),
        reflex_uv=_sides(answered, lambda row: row.r1_uv),
        early_percent=_sides(early, lambda cell: cell.remainder_percent),
        late_percent=_sides(late, lambda cell: cell.remainder_percent),
        late_verdict="" if late[0] is None else late[0].verdict,
    )


def _reflex(reflex: TableView[ReflexRow], side: str, master: Muscle, slave: Muscle) -> ReflexRow | None:
    """The last row of the slave with sweeps enough, both stimulated and recorded on `side`; of the eye alone."""
    if master is not Muscle.ORBICULARIS_OCULI:
        return None
    rows = reflex.where(stimulated=side, side=side, muscle=str(slave), response=SYNKINETIC)
    return next((row for row in reversed(rows) if row.verdict != TOO_FEW), None)


def _cell(
    matrix: TableView[SpreadMatrixRow], side: str, master: Muscle, slave: Muscle, window: str
) -> SpreadMatrixRow | None:
    """The slave at the master's branch where it was measured, and where the branch does not supply the slave."""
    rows = matrix.where(side=side, stimulated=str(own_branch(master)), recorded=str(slave), window=window, own=False)
    return next((row for row in rows if row.remainder_percent is not None or row.verdict not in ("", TOO_FEW)), None)


def _sides(rows: Sequence[R | None], value: Callable[[R], float | None]) -> Sides:
    return Sides(*(None if row is None else value(row) for row in rows))
