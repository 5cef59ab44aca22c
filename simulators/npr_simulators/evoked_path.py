"""From the answer to one pulse at the electrodes to what the converter adds to its samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_simulators import analog
from npr_simulators.patient_face import EvokedResponse

FASTEST_HZ = 20_000
"""The converter always runs at this rate; a slower stream gets means over its longer periods."""
WINDOW_MS = 300.0
"""How long a pulse is followed; what the high-pass still owes then is below 0.01 uV of 1 mV ms."""
MUSCLE_MS = 160.0
"""How long muscles may answer: R2 begins by 110 ms."""
EDGES_MS, FADED_MS = 2.0, 4.0
"""The pulse's edges need a finer grid than the tails: by the first instant they are over, by the second all is tail."""
FINE = 8

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Evoked:
    """Microvolt that a pulse adds from its onset's sample on, and where the input was overloaded; (channel, n)."""

    uv: Floats
    overloaded: NDArray[np.bool_]


def grid_ms(subsample: float, rate_hz: int, until_ms: float = WINDOW_MS) -> Floats:
    """Instants of the converter, ms from the cathodal edge, from half a period before the onset's sample on.

    The onset lies `subsample` of a period of the stream behind its sample.
    """
    lead = FASTEST_HZ // rate_hz // 2
    n = round(until_ms * FASTEST_HZ / 1e3) + 2 * lead
    return np.asarray((np.arange(n) - lead) * (1e3 / FASTEST_HZ) - subsample * 1e3 / rate_hz)


def muscles_uv(response: EvokedResponse, subsample: float, rate_hz: int) -> Floats:
    """The muscles behind the anti-alias filter, on the converter's grid, shape (channel, n)."""
    t_ms = grid_ms(subsample, rate_hz)
    drawn = response.render(grid_ms(subsample, rate_hz, MUSCLE_MS))
    out = np.zeros((len(drawn), t_ms.size))
    out[:, : drawn.shape[1]] = drawn
    short = out[:, : drawn.shape[1] + round(analog.SETTLED_MS * FASTEST_HZ / 1e3)]
    short[:] = analog.anti_aliased(short, FASTEST_HZ)
    return out


def artefact_uv(response: EvokedResponse, subsample: float, rate_hz: int) -> Floats:
    """The stimulus artefact behind the anti-alias filter, on the converter's grid, shape (channel, n).

    The filter is analogue and the pulse has edges: the beginning is made on a grid of 160 kHz as exact means. It fades
    into what follows, which is so slow that the filter (flat, and of even delay) merely delays it.
    """
    t_ms = grid_ms(subsample, rate_hz)
    then_ms = t_ms - analog.GROUP_DELAY_MS
    out = response.render_artefact(then_ms) * (1 - _early(then_ms))
    begin = round(FADED_MS * FASTEST_HZ / 1e3) + int(np.searchsorted(t_ms, 0.0))
    step_ms = 1e3 / (FASTEST_HZ * FINE)
    fine_ms = t_ms[0] + step_ms * np.arange((begin + 1) * FINE)
    # one period more at the end, so that what the filter still holds of the early part is not lost
    settled = round(analog.SETTLED_MS / step_ms)
    edges = np.zeros((len(out), fine_ms.size + settled))
    edges[:, : fine_ms.size] = response.render_artefact(fine_ms, step_ms) * _early(fine_ms)
    early = analog.anti_aliased(edges, FASTEST_HZ * FINE)[:, ::FINE]
    out[:, : early.shape[1]] += early
    return out


def converted(uv: Floats, subsample: float, rate_hz: int, *, blank_ms: float = 0.0) -> Evoked:
    """`uv` on the converter's grid behind input stage and high-pass, one sample per period of the stream.

    With `blank_ms` the input is held at what it was before the pulse until so long after the cathodal edge.
    """
    held, over = analog.saturated(uv, FASTEST_HZ)
    if blank_ms > 0:
        blanked = grid_ms(subsample, rate_hz) < blank_ms
        held, over = np.where(blanked, 0.0, held), over & ~blanked
    out, _ = analog.high_passed(held, FASTEST_HZ)
    ratio = FASTEST_HZ // rate_hz
    if ratio == 1:
        return Evoked(out, over)
    # the mean over the period about each instant: no delay, and nothing before the onset's sample
    n = (out.shape[1] - 1) // ratio
    sums = np.cumsum(np.pad((out[:, 1:] + out[:, :-1]) / 2, ((0, 0), (1, 0))), axis=1)[:, : n * ratio + 1 : ratio]
    clipped = over[:, : n * ratio].reshape(len(out), n, ratio).any(axis=2)
    return Evoked(np.diff(sums, axis=1) / ratio, np.asarray(clipped))


def _early(t_ms: Floats) -> Floats:
    turn = np.clip((t_ms - EDGES_MS) / (FADED_MS - EDGES_MS), 0, 1)
    return np.asarray(np.cos(np.pi / 2 * turn) ** 2)
