"""Overlap-add of potentials at whole samples: voluntary activity, thousands of spikes a second."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.bank import Bank

Waves = NDArray[np.float32]
SMALLEST = 2e-4
"""Share of a template's peak below which its end is not worth adding."""


def event_templates(bank: Bank) -> list[Waves]:
    """The templates for `add_spikes`, one array (sample, channel) for each row, as long as there is something in it."""
    out = []
    for row in range(len(bank.target)):
        template = bank.templates_uv[row]
        size = np.abs(template).max(axis=0)
        worth = np.flatnonzero(size > SMALLEST * size.max(initial=0.0))
        out.append(np.ascontiguousarray(template[:, : worth[-1] + 1 if worth.size else 0].T))
    return out


def add_spikes(
    out: Waves, templates: Sequence[Waves] | Waves, rows: NDArray[np.intp], samples: NDArray[np.intp]
) -> None:
    """Add the template of each spike to `out` (sample, channel) from its sample on; what lies outside is left off.

    `templates` come from `event_templates`, or are one contiguous array (row, sample, channel).
    """
    end = len(out)
    for row, begin in zip(rows.tolist(), samples.tolist(), strict=True):
        template = templates[row]
        stop = begin + len(template)
        if begin >= 0 and stop <= end:
            # adding to a view: `out[begin:stop] += template` would also copy the view onto itself
            here = out[begin:stop]
            here += template
        elif begin < end and stop > 0:
            out[max(begin, 0) : min(stop, end)] += template[max(-begin, 0) : end - begin]
