"""The tone table: what every muscle does at rest, affected against healthy side."""

from collections.abc import Sequence

import numpy as np

from npr_daq.analysis import tone as analysis
from npr_daq.errors import AnalysisError
from npr_daq.findings.continuous import Continuous
from npr_daq.findings.intervals import ends
from npr_daq.findings.placed import finite
from npr_daq.findings.synkinesis_rows import Sides, ToneRow
from npr_daq.findings.table import TableView

Spans = Sequence[tuple[float, float]]


def of_rest(laid: Continuous, rest_s: Spans) -> analysis.Tone | None:
    """Tone from stretches of rest (begin, end) in seconds alone, where no movement goes with them."""
    columns = [np.arange(round(a * laid.rate_hz), round(b * laid.rate_hz)) for a, b in rest_s]
    if not columns:
        return None
    picked = np.concatenate(columns)
    picked = picked[(picked >= 0) & (picked < laid.emg_uv.shape[-1])]
    try:
        return analysis.measure(laid.emg_uv[0][:, picked], laid.emg_uv[1][:, picked], rate_hz=laid.rate_hz)
    except AnalysisError:
        return None


def tone(laid: Continuous, found: analysis.Tone | None) -> TableView[ToneRow]:
    """One row for every muscle that is recorded on a side; empty without rest."""
    if found is None:
        return TableView(ToneRow)
    return TableView(
        ToneRow, [_row(laid, found, k) for k, muscle in enumerate(laid.muscles) if len(laid.lacking(muscle)) < 2]
    )


def _row(laid: Continuous, found: analysis.Tone, k: int) -> ToneRow:
    muscle, roles = laid.muscles[k], laid.roles
    words = str(muscle).replace("_", " ")
    reasons = [f"{words} is not recorded on the {side} side" for side in laid.lacking(muscle)]
    seconds = int(found.seconds[k])
    if not reasons and seconds < analysis.LEAST_SECONDS:
        reasons.append(f"{seconds} usable seconds of rest; tone takes {analysis.LEAST_SECONDS}")
    if roles.no_verdict is not None:
        reasons.append(roles.no_verdict)
    divided = roles.no_ratio is None
    return ToneRow(
        muscle=str(muscle),
        affected_uv=finite(found.affected_uv[k]),
        healthy_uv=finite(found.healthy_uv[k]),
        ratio=finite(found.ratio[k]) if divided else None,
        ci95=ends(found.ratio_ci95[k]) if divided else None,
        affected_ci95_uv=ends(found.affected_ci95_uv[k]),
        healthy_ci95_uv=ends(found.healthy_ci95_uv[k]),
        seconds=seconds,
        left_out=Sides(finite(found.left_out[k, 0]), finite(found.left_out[k, 1])),
        reasons=tuple(reasons),
    )
