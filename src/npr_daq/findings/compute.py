"""From a recording to its findings: analysis applied, named, gated, with provenance."""

from collections.abc import Sequence
from functools import partial

from npr_daq.findings.account import dose, exam_of, provenance, quality
from npr_daq.findings.conduction import conduction
from npr_daq.findings.crosstalk_coefficients import CROSSTALK, coefficients
from npr_daq.findings.edited import moved, with_marks
from npr_daq.findings.excitability import excitability
from npr_daq.findings.findings import Findings
from npr_daq.findings.following import following
from npr_daq.findings.late import late
from npr_daq.findings.marks import Mark
from npr_daq.findings.movements import movements
from npr_daq.findings.normed import beside_norms
from npr_daq.findings.parameters import DEFAULT, Parameters
from npr_daq.findings.reflex import blink
from npr_daq.findings.selectivity import selective
from npr_daq.findings.site import measure
from npr_daq.findings.spread import spread, verdicts
from npr_daq.findings.spread_matrix import spread_matrix
from npr_daq.findings.summed import summed
from npr_daq.findings.symmetry import symmetry
from npr_daq.findings.train import trains
from npr_daq.recording import Recording
from npr_daq.reference import Norms, shipped_norms


def compute(
    recording: Recording,
    *,
    parameters: Parameters = DEFAULT,
    raw_sha256: str | None = None,
    marks: Sequence[Mark] = (),
    norms: Norms | None = None,
) -> Findings:
    """Everything that can be said about `recording` with `parameters`; the recording is not changed.

    `marks` are markers that a human has moved, at most one for each place. `norms` are the reference values that
    measured values are put beside; None: the published ones that ship.

    The same recording, parameters and package versions give the same findings, bit for bit on the same kind of
    CPU. A recording without sweeps gives empty tables. Nothing here is a diagnosis.
    """
    sites = selective(measure(recording, parameters), parameters)
    affected = str(recording.header.get("affected"))
    late_verdicts = verdicts(sites, parameters)
    compared = symmetry(sites, affected, recording.montage)
    matrix = spread_matrix(recording, sites, late_verdicts, parameters)
    reflexes = blink(recording, moved(sites, marks, parameters) if marks else sites, parameters)
    picked_up = measure(recording, parameters, kind=CROSSTALK)
    studies = [(picked_up, spread_matrix(recording, picked_up, {}, parameters)), (sites, matrix)]
    movement = movements(recording, partial(coefficients, studies))
    found = Findings(
        exam=exam_of(recording),
        provenance=provenance(recording, parameters, raw_sha256),
        conduction=conduction(sites, parameters),
        symmetry=compared,
        summed=summed(sites, compared, affected),
        evoked_spread=spread(sites, late_verdicts, parameters),
        late=late(recording, parameters),
        reflex=reflexes,
        train=trains(recording, parameters),
        excitability=excitability(recording, parameters),
        spread_matrix=matrix,
        synkinesis=movement.synkinesis,
        tone=movement.tone,
        following=following(movement.synkinesis.pairs, reflexes, matrix, affected),
        dose=dose(recording),
        quality=quality(recording, sites, movement),
    )
    found = with_marks(found, recording, sites, parameters, marks) if marks else found
    return beside_norms(found, norms or shipped_norms(), recording.header.get("intake"))
