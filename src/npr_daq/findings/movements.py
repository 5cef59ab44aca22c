"""Rest and movements of an exam as findings: the Synkinetic Correlation Test, tone, and what was recorded for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import AnalysisError
from npr_daq.expression import OF_THE_EYES, OWN_TASK, PRIME_MOVER, Task
from npr_daq.findings.continuous import (
    Continuous,
    account,
    continuous_captures,
    gap_words,
    lay_out,
    rail_uv,
)
from npr_daq.findings.synkinesis import Synkinesis
from npr_daq.findings.synkinesis_rows import RepetitionRow, SynkinesisRow, ToneRow
from npr_daq.findings.table import TableView
from npr_daq.findings.tries import ANALYSIS, Span, Try, leads, rests, tries
from npr_daq.recording import Recording

if TYPE_CHECKING:
    from npr_daq.analysis.expressions import Examination

GAP = "samples missing"
NO_REST = "no rest was recorded by itself: what lies before the first cue of each movement stands for it"

Coefficients = Callable[[Side, Sequence[Muscle], Sequence[Muscle]], NDArray[np.float64]]
"""Cross-talk coefficients (master, muscle) of a side."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What rest and movements show, what of them was recorded, and in words what limits it."""

    synkinesis: Synkinesis = field(default_factory=Synkinesis)
    tone: TableView[ToneRow] = field(default_factory=lambda: TableView(ToneRow))
    captures: Sequence[Mapping[str, Any]] = ()
    warnings: tuple[str, ...] = ()


def movements(recording: Recording, coefficients: Coefficients) -> Moved:
    """Everything that rest and movements show; empty where neither was recorded.

    Never raises for what was recorded: a pair that cannot be tested is refused with its reason, a repetition that
    cannot have been so is left out, and the warnings say so. Source: clinical reference 5.
    """
    if not continuous_captures(recording) and all(e.kind != "repetition" for e in recording.events):
        return Moved()
    # Nothing else needs these: an exam without movements does not wait for them.
    from npr_daq.analysis import synkinesis as analysis
    from npr_daq.findings import synkinesis_pairs as pairs
    from npr_daq.findings.tone import of_rest, tone

    laid = lay_out(recording, _muscles(recording, pairs.CUTOFFS))
    made, misplaced = tries(recording, laid)
    rest_s, lost = rests(recording, laid)
    warnings = [*laid.aside, *gap_words(laid.captures), *misplaced, *lost]
    tasks = tuple(Task(word) for word in laid.tasks if word in PRIME_MOVER)
    quiet_s = rest_s or leads(made, laid)
    found: Examination | None = None
    why = ""
    c = coefficients(laid.roles.healthy, [PRIME_MOVER[task] for task in tasks], laid.muscles)
    if tasks:
        if not rest_s:
            warnings.append(NO_REST)
        try:
            found = _examined(recording, laid, tasks, made, quiet_s, c, pairs.CUTOFFS)
        except (AnalysisError, np.linalg.LinAlgError) as cause:
            why = _sentence(cause)
            warnings.append(f"the movements could not be analysed: {why}")
    rows = []
    for pair in pairs.pairs_of(tasks, laid):
        task, muscle = pair
        number = sum(one.row.task == task for one in made)
        at = tasks.index(task), laid.muscles.index(muscle)
        unrecorded = pairs.unrecorded(pair, laid)
        if found is None or unrecorded:
            rows.append(pairs.refused(pair, number, unrecorded or [why]))
        else:
            rows.append(pairs.measured(pair, found, at, laid, number, float(c[at])))
    version = analysis.VERSION if tasks or made else None
    tested = Synkinesis(version=version, pairs=TableView(SynkinesisRow, rows))
    tested = replace(tested, repetitions=TableView(RepetitionRow, _judged(made, found, tasks, laid)))
    if found is not None:
        tested = _indexed(tested, found)
    return Moved(
        synkinesis=tested,
        tone=tone(laid, (found.tone if found is not None else of_rest(laid, rest_s)) if rest_s else None),
        captures=account(laid.captures),
        warnings=tuple(warnings),
    )


def _muscles(recording: Recording, declared: Mapping[tuple[Task, Muscle], float]) -> tuple[Muscle, ...]:
    """The muscles of the montage, and those that a recorded task or a declared pair needs, in the order of `Muscle`."""
    tasks = {str(s.get("task")) for s in recording.header.get("steps") or ()}
    wanted = {c.muscle for c in recording.montage.channels}
    wanted |= {mover for task, mover in PRIME_MOVER.items() if task in tasks}
    wanted |= {muscle for task, muscle in declared if task in tasks}
    return tuple(muscle for muscle in Muscle if muscle in wanted)


def _examined(
    recording: Recording,
    laid: Continuous,
    tasks: Sequence[Task],
    made: Sequence[Try],
    rest_s: Sequence[Span],
    coefficients: NDArray[np.float64],
    declared: Mapping[tuple[Task, Muscle], float],
) -> "Examination":
    """The analysis of the timeline; raises AnalysisError where it cannot be."""
    from npr_daq.analysis.expressions import Expression, examine

    cutoffs = np.full((len(tasks), len(laid.muscles)), np.nan)
    if laid.roles.no_verdict is None:
        for (task, muscle), value in declared.items():
            if task in tasks:
                cutoffs[tasks.index(task), laid.muscles.index(muscle)] = value
    own = (OWN_TASK.get(muscle) for muscle in laid.muscles)
    return examine(
        laid.emg_uv,
        rate_hz=laid.rate_hz,
        rest_s=rest_s,
        tasks=[
            Expression(
                name=str(task),
                master=laid.muscles.index(PRIME_MOVER[task]),
                repetitions_s=tuple(one.at_s for one in made if one.row.task == task and one.row.accepted),
                eyes=task in OF_THE_EYES,
                series=task is Task.BLINK,
            )
            for task in tasks
        ],
        own_task=[tasks.index(task) if task in tasks else None for task in own],
        cutoffs=cutoffs,
        coefficients=coefficients,
        rail_uv=rail_uv(recording.calibration, tuple(c.index for c in recording.montage.channels)),
        eye=laid.muscles.index(Muscle.ORBICULARIS_OCULI) if Muscle.ORBICULARIS_OCULI in laid.muscles else None,
    )


def _judged(
    made: Sequence[Try], found: "Examination | None", tasks: Sequence[Task], laid: Continuous
) -> list[RepetitionRow]:
    """The rows of all repetitions, with what the analysis has against those that were accepted at once."""
    from npr_daq.findings.synkinesis_pairs import flaw_of

    rows = []
    taken = dict.fromkeys(map(str, tasks), 0)
    names = [str(side) for side in laid.roles.sides]
    for one in made:
        row = one.row
        if row.accepted and row.task in taken:
            index, taken[row.task] = taken[row.task], taken[row.task] + 1
            master = PRIME_MOVER[Task(row.task)]
            if found is not None and not laid.lacking(master):
                at = tasks.index(Task(row.task)), laid.muscles.index(master)
                flaw = flaw_of(found, at, index, names)
                if flaw:
                    # A gap may show as a burst that ends too soon: then it is told beside.
                    holed = laid.holed(at[1], one.at_s) and GAP not in flaw
                    said = (*row.flaws, flaw, GAP) if holed else (*row.flaws, flaw)
                    row = replace(row, accepted=False, flaws=said, judged_by=ANALYSIS)
        rows.append(row)
    return rows


def _indexed(tested: Synkinesis, found: "Examination") -> Synkinesis:
    """The test with its index, where every declared pair was made: another list would be another index."""
    from npr_daq.analysis.verdict import LEAST_REPETITIONS
    from npr_daq.findings.intervals import ends
    from npr_daq.findings.placed import finite
    from npr_daq.findings.synkinesis_pairs import CUTOFFS

    index = found.index
    whole = index.pairs == len(CUTOFFS)
    few = any(row.declared and row.repetitions.accepted < LEAST_REPETITIONS for row in tested.pairs)
    return replace(
        tested,
        index=finite(index.value) if whole and not few else None,
        index_ci95=ends(np.array(index.ci95)) if whole and not few else None,
        index_pairs=index.pairs,
        index_censored=index.censored,
    )


def _sentence(cause: Exception) -> str:
    text = " ".join(str(cause).split()).rstrip(".")
    return text or type(cause).__name__
