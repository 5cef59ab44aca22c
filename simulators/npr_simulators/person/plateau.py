"""What a steady drive must give at the electrodes, in closed form: the expected RMS of every channel."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_simulators.person.bank import RATE_KHZ, REACH, Bank, Floats, channel_rows
from npr_simulators.person.conduction import from_nucleus_ms
from npr_simulators.person.discharge import INTERVAL_CV, Neurones, neurones_of, rates_hz

CHANNELS = 2 * len(FACIAL_MUSCLES)
BAND_HZ = (20.0, 450.0)
"""Band of voluntary surface EMG (van Boxtel 2001, clinical reference 5.2); 4th-order edges, forward and backward."""
_BIN_HZ, _BINS = 20.0, 45
_HZ: Floats = _BIN_HZ * np.arange(_BINS, dtype=np.float64)
_NODES = np.array([-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266, 2.856970013872806])
_WEIGHTS = np.array([0.011257411327721, 0.222075922005613, 0.533333333333333, 0.222075922005613, 0.011257411327721])
"""Gauss-Hermite: the mean of a function of a normal deviate is its weighted sum at the nodes."""

Power = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Energies:
    """One spike of every neurone of one half, in the channels of the half; `own` counts a channel's own muscle only.

    `app_uv2_s` and `own_uv2_s` are energies (neurone, REACH); the spectra are their densities, uV^2 s / Hz at multiples
    of 20 Hz, both sides of the spectrum together, through `BAND_HZ`, shape (neurone, REACH, bin).
    """

    rows: NDArray[np.intp]
    neurones: Neurones
    app_uv2_s: Floats
    own_uv2_s: Floats
    app_spectrum: Power
    own_spectrum: Power


@dataclass(frozen=True, slots=True, eq=False)
class Plateau:
    """Expected RMS of the 16 channels, microvolt: of everything, and in `BAND_HZ`; from all muscles and the own one."""

    app_uv: Floats
    own_uv: Floats
    app_band_uv: Floats
    own_band_uv: Floats


def energies_of(bank: Bank) -> Energies:
    """Energies of all neurones that a command can reach; the two branches of one axon add before they are squared."""
    neurones = neurones_of(bank)
    n = len(neurones.row)
    forked = np.flatnonzero(neurones.second >= 0)
    owner = _own_channels(bank)
    waves = _waves(bank.templates_uv)
    spectrum = np.zeros((n, 2, REACH, _BINS), np.complex64)
    energy = np.zeros((n, 2, REACH))
    squares = np.einsum("rct,rct->rc", bank.templates_uv, bank.templates_uv)
    spectrum[:, 0] = waves[neurones.row]
    spectrum[:, 1] = waves[neurones.row] * owner[neurones.row][..., None]
    energy[:, 0] = squares[neurones.row]
    energy[:, 1] = squares[neurones.row] * owner[neurones.row]
    delay = from_nucleus_ms(bank)
    for neurone in forked:
        row, other = neurones.row[neurone], neurones.second[neurone]
        late_ms = float(delay[other] - delay[row])
        moved = waves[other] * np.exp(-2j * np.pi * _HZ * late_ms * 1e-3)
        cross = 2 * _product(bank.templates_uv[row], bank.templates_uv[other], round(late_ms * RATE_KHZ))
        spectrum[neurone, 0] += moved
        spectrum[neurone, 1] += moved * owner[other][:, None]
        energy[neurone, 0] += squares[other] + cross
        energy[neurone, 1] += (squares[other] + cross * owner[row]) * owner[other]
    per_s = 1e-3 / RATE_KHZ
    density = (spectrum.real**2 + spectrum.imag**2) * (2 * per_s**2 * _band_gain(_HZ)).astype(np.float32)
    return Energies(
        rows=np.array(channel_rows(bank.side)),
        neurones=neurones,
        app_uv2_s=energy[:, 0] * per_s,
        own_uv2_s=energy[:, 1] * per_s,
        app_spectrum=density[:, 0],
        own_spectrum=density[:, 1],
    )


def expected_plateau(
    halves: Mapping[Side, Energies], drive: Mapping[Side, Floats], spread: Mapping[Side, Floats]
) -> Plateau:
    """Expected RMS at a `drive` (9,) of each half that fluctuates with the SD `spread` (9,).

    Campbell's theorem: the variance is the sum over neurones of rate times energy; in the band with the spectrum of a
    renewal train instead of a constant. Spikes of different neurones count as independent.
    """
    power = np.zeros((4, CHANNELS))
    for side, half in halves.items():
        commands = np.clip(drive[side][:, None] + spread[side][:, None] * _NODES, 0.0, 1.0)
        rate = rates_hz(half.neurones, commands)
        mean_hz = rate @ _WEIGHTS
        train = train_spectrum(np.maximum(mean_hz, 1e-9), _HZ) * mean_hz[:, None]
        power[0, half.rows] += mean_hz @ half.app_uv2_s
        power[1, half.rows] += mean_hz @ half.own_uv2_s
        power[2, half.rows] += np.einsum("nb,ncb->c", train, half.app_spectrum, optimize=True) * _BIN_HZ
        power[3, half.rows] += np.einsum("nb,ncb->c", train, half.own_spectrum, optimize=True) * _BIN_HZ
    return Plateau(*np.sqrt(power))


def train_spectrum(rate_hz: Floats, hz: Floats) -> Floats:
    """Power density of a gamma renewal train over its rate, shape (train, frequency): 1 for a Poisson train.

    (1 - |phi|^2) / |1 - phi|^2 with the characteristic function phi of its intervals (Cox and Lewis 1966) [M].
    """
    shape = INTERVAL_CV**-2
    phi = (1 - 2j * np.pi * hz / (shape * rate_hz[:, None])) ** -shape
    # at zero frequency the limit is the squared coefficient of variation
    distance = np.abs(1 - phi) ** 2
    out: Floats = np.where(distance < 1e-9, INTERVAL_CV**2, (1 - np.abs(phi) ** 2) / np.maximum(distance, 1e-9))
    return out


def _own_channels(bank: Bank) -> NDArray[np.bool_]:
    """Whether a channel of the half lies over the muscle that a row drives, shape (row, REACH)."""
    near = 0 if bank.side is Side.LEFT else len(FACIAL_MUSCLES)
    far = len(FACIAL_MUSCLES) - near
    # a crossed unit is the other half's muscle; the masseter has no channel
    muscle = np.where(bank.target < len(FACIAL_MUSCLES), np.where(bank.crossed, far, near) + bank.target, -1)
    return np.asarray(np.equal.outer(muscle, np.array(channel_rows(bank.side))))


def _waves(templates: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectra of `templates` (row, channel, sample) at multiples of 20 Hz, as sums over samples."""
    # one matrix product with the few frequencies that matter is quicker than a transform of them all
    samples = templates.shape[2]
    turns = np.outer(np.arange(samples) * (1e-3 / RATE_KHZ), _HZ) * (2 * np.pi)
    basis = np.hstack([np.cos(turns), -np.sin(turns)]).astype(np.float32)
    both = templates.reshape(-1, samples) @ basis
    out = both[:, :_BINS] + 1j * both[:, _BINS:]
    return out.reshape(*templates.shape[:2], _BINS).astype(np.complex64)


def _band_gain(hz: Floats) -> Floats:
    """Power gain of the band-pass `BAND_HZ`, shape of `hz`."""
    low, high = BAND_HZ
    with np.errstate(divide="ignore"):
        amplitude = 1 / ((1 + (low / hz) ** 8) * (1 + (hz / high) ** 8))
    return np.asarray(amplitude**2)


def _product(first: NDArray[np.float32], second: NDArray[np.float32], shift: int) -> Floats:
    """Sum over time of `first` times `second` delayed by `shift` samples, by channel."""
    if shift < 0:
        return _product(second, first, -shift)
    n = first.shape[1] - shift
    out: Floats = np.einsum("ct,ct->c", first[:, shift:], second[:, :n], dtype=np.float64)
    return out
