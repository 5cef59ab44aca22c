"""The sum of motor-unit potentials, each at its own exact time: in the frequency domain, so that no time is rounded."""

from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES
from npr_simulators.person.bank import MUSCLES, RATE_KHZ, REACH, TEMPLATE_SAMPLES, Bank, Floats, Spikes

WINDOW = 2 * TEMPLATE_SAMPLES
"""Samples of one window of the sum: spikes of its first half have their whole potential in it."""
HIGHEST_KHZ = 4.0
"""Templates hold 1.6e-8 of their energy above this (simulation reference 7)."""
BINS = int(np.ceil(HIGHEST_KHZ / RATE_KHZ * WINDOW)) + 1
STEP_MS = TEMPLATE_SAMPLES / RATE_KHZ

SPARSE = 0.25
"""Share of a muscle's rows up to which they are picked out one by one."""

Spectra = NDArray[np.complex64]
_spectra: WeakKeyDictionary[Bank, Spectra] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class Superposition:
    """The sum of `spikes`: one spectrum per stretch of `STEP_MS`, shape (stretch, target, bin, channel).

    `first_ms` are the beginnings of the stretches. The sum is zero outside of them.
    """

    first_ms: Floats
    spectra: NDArray[np.complex128]

    def rendered(self, start_ms: float, n: int, rate_khz: float) -> Floats:
        """All muscles in every channel, shape (REACH, n) microvolt at `start_ms` + k / `rate_khz`.

        The rate is 20 kHz over or times a whole number. The values are those of the band-limited sum at these
        instants: nothing keeps a rate below 8 kHz from aliasing.
        """
        return _sampled(self.spectra.sum(axis=1), self.first_ms, start_ms, n, rate_khz)

    def parts(self, start_ms: float, n: int, rate_khz: float) -> Floats:
        """Each target muscle's share, shape (9, REACH, n) microvolt; sums to `rendered`."""
        stretches, targets, bins, channels = self.spectra.shape
        flat = self.spectra.transpose(0, 2, 1, 3).reshape(stretches, bins, targets * channels)
        return _sampled(flat, self.first_ms, start_ms, n, rate_khz).reshape(targets, channels, n)

    def own(self, start_ms: float, n: int, rate_khz: float) -> Floats:
        """Each facial muscle in its own channel, shape (8, n) microvolt."""
        k = np.arange(len(FACIAL_MUSCLES))
        return _sampled(self.spectra[:, k, :, k].transpose(1, 2, 0), self.first_ms, start_ms, n, rate_khz)


def superpose(bank: Bank, spikes: Spikes) -> Superposition:
    """The sum of the templates of `spikes.row`, each begun at its `time_ms`, exact between samples."""
    spectra = bank_spectra(bank)
    stretch = np.floor(spikes.time_ms / STEP_MS).astype(int)
    found = np.unique(stretch)
    out = np.zeros((len(found), len(MUSCLES), BINS, REACH), complex)
    for k, number in enumerate(found):
        here = stretch == number
        _sum(bank, spectra, spikes.row[here], spikes.time_ms[here] - number * STEP_MS, out[k])
    return Superposition(found * STEP_MS, out)


def bank_spectra(bank: Bank) -> Spectra:
    """Spectra of the templates up to `HIGHEST_KHZ`, shape (bin, channel, row); computed once for a bank."""
    spectra = _spectra.get(bank)
    if spectra is None:
        spectra = np.empty((BINS, REACH, len(bank.target)), np.complex64)
        for begin in range(0, len(bank.target), 64):
            rows = slice(begin, begin + 64)
            spectra[..., rows] = np.fft.rfft(bank.templates_uv[rows], WINDOW)[..., :BINS].transpose(2, 1, 0)
        _spectra[bank] = spectra
    return spectra


def _sum(bank: Bank, spectra: Spectra, rows: NDArray[np.intp], time_ms: Floats, out: NDArray[np.complex128]) -> None:
    """Add spikes to `out`, shape (target, bin, channel)."""
    order = np.argsort(rows, kind="stable")
    fired, first = np.unique(rows[order], return_index=True)
    turned = phases(time_ms[order])
    if len(fired) < len(rows):
        turned = np.add.reduceat(turned, first, axis=1)
    bounds = np.searchsorted(bank.target, np.arange(len(MUSCLES) + 1))
    for target, (low, high) in enumerate(pairwise(bounds)):
        some = slice(*np.searchsorted(fired, (low, high)))
        mine = fired[some]
        if len(mine) > SPARSE * (high - low):
            # reading on, with zeros for the silent rows, is faster than picking rows out
            every = np.zeros((BINS, high - low), np.complex64)
            every[:, mine - low] = turned[:, some]
            out[target] += (spectra[:, :, low:high] @ every[..., None])[..., 0]
        elif len(mine):
            out[target] += (spectra[:, :, mine] @ turned[:, some, None])[..., 0]


def phases(time_ms: Floats) -> NDArray[np.complex64]:
    """exp(-2 pi i f t) of every bin, shape (bin, spike)."""
    turn = -2j * np.pi * RATE_KHZ / WINDOW * time_ms
    fine = np.exp(turn * np.arange(16)[:, None]).astype(np.complex64)
    coarse = np.exp(turn * (16 * np.arange(-(-BINS // 16)))[:, None]).astype(np.complex64)
    return np.asarray((coarse[:, None] * fine).reshape(-1, len(time_ms))[:BINS])


def _sampled(spectra: NDArray[np.complex128], first_ms: Floats, start_ms: float, n: int, rate_khz: float) -> Floats:
    """Time series of `spectra` (stretch, bin, row), shape (row, n)."""
    out = np.zeros((spectra.shape[2], n))
    finer, rest = divmod(round(rate_khz * 1e6), round(RATE_KHZ * 1e6))
    finer = max(finer, 1)
    coarser = 1 if rest == 0 else round(RATE_KHZ / rate_khz)
    frequency = np.arange(BINS) * RATE_KHZ / WINDOW
    for begin, spectrum in zip(first_ms, spectra, strict=True):
        # the first wanted instant in this window, and how far it lies after the window's begin
        k0 = max(0, int(np.ceil((begin - start_ms) * rate_khz - 1e-9)))
        lead = start_ms + k0 / rate_khz - begin
        whole = int(lead * RATE_KHZ * finer + 1e-9)
        if k0 >= n or whole >= WINDOW * finer:
            continue
        shift = lead - whole / (RATE_KHZ * finer)
        moved = spectrum * np.exp(2j * np.pi * frequency * shift)[:, None]
        wave = np.fft.irfft(moved * finer, WINDOW * finer, axis=0)[whole::coarser]
        m = min(n - k0, len(wave))
        out[:, k0 : k0 + m] += wave[:m].T
    return out
