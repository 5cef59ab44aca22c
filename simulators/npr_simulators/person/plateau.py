"""What a steady drive must give at the electrodes, in closed form: the expected RMS of every channel."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_simulators.person.bank import RATE_KHZ, Bank, Floats, channel_rows
from npr_simulators.person.conduction import from_nucleus_ms
from npr_simulators.person.discharge import Neurones, neurones_of, rates_hz

CHANNELS = 2 * len(FACIAL_MUSCLES)


@dataclass(frozen=True, slots=True, eq=False)
class Energies:
    """The energy of one spike of every neurone of one half, uV^2 s; `app` and `own` are (neurone, 16).

    `own` counts in each channel only what the muscle under it gives.
    """

    neurones: Neurones
    app: Floats
    own: Floats


def energies_of(bank: Bank) -> Energies:
    """Template energies by channel of the whole montage; the branches of one axon add before they are squared."""
    neurones = neurones_of(bank)
    rows = list(channel_rows(bank.side))
    templates = bank.templates_uv
    app = np.zeros((len(neurones.row), CHANNELS))
    own = np.zeros_like(app)
    first = np.einsum("rct,rct->rc", templates, templates)[neurones.row]
    channel = _own_channel(bank)
    app[:, rows] = first
    each = np.arange(len(neurones.row))
    mine = channel[neurones.row]
    own[each, mine] = app[each, mine] * (mine >= 0)
    delay = from_nucleus_ms(bank)
    for neurone in np.flatnonzero(neurones.second >= 0):
        row, other = neurones.row[neurone], neurones.second[neurone]
        second = np.zeros(CHANNELS)
        second[rows] = np.einsum("ct,ct->c", templates[other], templates[other])
        shift = round(float(delay[other] - delay[row]) * RATE_KHZ)
        cross = np.zeros(CHANNELS)
        cross[rows] = 2 * _product(templates[row], templates[other], shift)
        app[neurone] += second + cross
        for place in {int(channel[row]), int(channel[other])} - {-1}:
            both = channel[row] == channel[other]
            own[neurone, place] = (
                app[neurone, place]
                if both
                else (app[neurone] - second - cross if place == channel[row] else second)[place]
            )
    per_s = 1e-3 / RATE_KHZ
    return Energies(neurones, app * per_s, own * per_s)


def expected_rms_uv(halves: Mapping[Side, Energies], drive: Mapping[Side, Floats]) -> tuple[Floats, Floats]:
    """RMS of every channel from its own muscle, and from all, at a steady `drive` (9,) of each half; both (16,).

    Campbell's theorem: the variance is the sum over neurones of rate times energy. Spikes of different neurones are
    taken as independent.
    """
    own, app = np.zeros(CHANNELS), np.zeros(CHANNELS)
    for side, energies in halves.items():
        rate = rates_hz(energies.neurones, drive[side][:, None])[:, 0]
        own += rate @ energies.own
        app += rate @ energies.app
    return np.sqrt(own), np.sqrt(app)


def _own_channel(bank: Bank) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Channel of the muscle that each row drives; a crossed unit belongs to the other half, the masseter to none."""
    near = 0 if bank.side is Side.LEFT else len(FACIAL_MUSCLES)
    far = len(FACIAL_MUSCLES) - near
    out = np.where(bank.crossed, far, near) + bank.target
    return np.where(bank.target < len(FACIAL_MUSCLES), out, -1).astype(np.intp)


def _product(first: np.ndarray, second: np.ndarray, shift: int) -> Floats:
    """Sum over time of `first` times `second` delayed by `shift` samples, by channel."""
    if shift < 0:
        return _product(second, first, -shift)
    n = first.shape[1] - shift
    out: Floats = np.einsum("ct,ct->c", first[:, shift:], second[:, :n], dtype=np.float64)
    return out
