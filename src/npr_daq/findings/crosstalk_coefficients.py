"""How much of a prime mover the electrodes over its neighbours pick up, from branch stimulation of the same visit."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Branch, Muscle, Side, own_branch
from npr_daq.findings.late_rows import SpreadMatrixRow
from npr_daq.findings.site import Site
from npr_daq.findings.spread_matrix import CURRENT, EARLY
from npr_daq.findings.table import TableView

CROSSTALK = "crosstalk"
"""The kind of step that measures nothing else."""

Sites = Mapping[tuple[Side, Branch], Site]
Measured = tuple[Sites, TableView[SpreadMatrixRow]]


def coefficients(
    studies: Sequence[Measured], healthy: Side, masters: Sequence[Muscle], muscles: Sequence[Muscle]
) -> NDArray[np.float64]:
    """c = A(muscle | branch of the master) / A(master | its branch), (master, muscle); NaN where not measured.

    `studies` are sites with their spread matrices, the first one with an answer counts: crosstalk steps before the
    conduction study. Sizes are those of the early window (1.5 to 7 ms) as recorded, on the healthy side, whose nerve
    has not grown astray. The master's response has to be accepted and proved supramaximal. Not answered: muscles that
    the branch supplies itself, whose response is their own, and those whose response goes on growing with the current,
    which then reaches another branch. Of a branch that supplies several muscles all that its neighbours pick up counts
    for the master: c is an upper bound there. Source: clinical reference 5.4, 5.5.
    """
    out = np.full((len(masters), len(muscles)), np.nan)
    for sites, matrix in studies:
        cells = {(row.stimulated, row.recorded): row for row in matrix.where(side=str(healthy), window=EARLY)}
        for line, master in zip(out, masters, strict=True):
            own = _own_mv(sites, cells, healthy, master)
            if own is None:
                continue
            for column, muscle in enumerate(muscles):
                cell = cells.get((str(own_branch(master)), str(muscle)))
                if np.isnan(line[column]) and cell is not None and _counts(cell):
                    line[column] = max(float(cell.as_recorded_mv or 0.0), 0.0) / own
    return out


def _counts(cell: SpreadMatrixRow) -> bool:
    return not cell.own and cell.as_recorded_mv is not None and cell.verdict != CURRENT


def _own_mv(
    sites: Sites, cells: Mapping[tuple[str, str], SpreadMatrixRow], healthy: Side, master: Muscle
) -> float | None:
    """The master's direct response to its own branch where it is accepted and supramaximal."""
    branch = own_branch(master)
    site = None if branch is None else sites.get((healthy, branch))
    answer = None if site is None else site.answer(master)
    if answer is None or not answer.accepted or not answer.supramaximal.proved:
        return None
    cell = cells.get((str(branch), str(master)))
    return cell.as_recorded_mv if cell is not None and (cell.as_recorded_mv or 0.0) > 0 else None
