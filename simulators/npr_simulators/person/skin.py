"""What the electrodes pick up besides muscle and shock: noise, mains hum, slow drift, the heart, the eyes, a cough."""

from collections import OrderedDict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle, Side
from npr_daq.montage import standard_montage
from npr_simulators.person import noise
from npr_simulators.person.body_signals import EYE_GAIN, eye_wave, heart_wave
from npr_simulators.person.case import Case
from npr_simulators.person.contact import CHANNELS, Contact
from npr_simulators.person.cough import cough_uv
from npr_simulators.person.noise import CHUNK, WANDER_HZ, Rows
from npr_simulators.person.streams import stream

HARMONICS = (1.0, 0.02, 0.15, 0.01, 0.06, 0.005, 0.03)
"""Amplitudes of hum at 1 to 7 times the mains frequency (simulation reference 5)."""
SWING_HZ, SWING_S = 0.01, 37.0
"""The mains frequency swings by as much, as slowly (simulation reference 5)."""
FLICKER_SHARE = 0.35
"""[A] Slow noise of an electrode over `skin.noise_uv`; ten times as much where it is loose (simulation reference 5)."""
LOOSE_FLICKER = 10.0
LOOSE_SWAY, LOOSE_SWAY_HZ = 0.3, 0.23
"""The hum of a loose electrode grows and falls with its cable, by as much (simulation reference 5), [A] as often."""
_KEPT = 4


class SkinSignals:
    """Potentials of 16 channels at the skin, before the front-end's high-pass, as its converter would sample them.

    Found by (case, seed, visit, stream, chunk, loose rows, coughs): never by who asked first or in what portions.
    """

    def __init__(self, case: Case, *, seed: int, visit: int = 1) -> None:
        self._case = case
        self._seed = seed
        self._visit = visit
        self._contact = Contact.at_visit(case.skin, seed=seed, visit=visit)
        self._hum = 1.0
        self._coughs: tuple[tuple[int, float], ...] = ()
        rng = stream(seed, "skin", visit)
        self._noise_uv = (case.skin.noise_uv * rng.uniform(0.88, 1.15, CHANNELS)).astype(np.float32)
        self._lag = np.exp(1j * rng.uniform(-0.6, 0.6, (CHANNELS, len(HARMONICS))))
        self._mains_hz = case.skin.mains_hz + rng.uniform(-0.02, 0.02)
        share = rng.dirichlet(np.ones(len(WANDER_HZ)), CHANNELS)
        self._wander = case.skin.wander_uv * share * np.exp(2j * np.pi * rng.random(share.shape))
        self._heart = case.skin.ecg_uv * rng.uniform(0.5, 1.3, CHANNELS) * np.repeat([1.0, -1.0], CHANNELS // 2)
        self._chunks: OrderedDict[tuple[int, int, float, frozenset[int]], Rows] = OrderedDict()

    def impedance_kohm(self, loose: frozenset[int]) -> NDArray[np.float64]:
        """Impedance of G1 and G2 of every channel, shape (16, 2)."""
        return self._contact.loosened(loose).kohm

    def hum_uv(self, loose: frozenset[int] = frozenset()) -> NDArray[np.float64]:
        """Hum of every channel, microvolt rms, shape (16,)."""
        return self._contact.loosened(loose).hum_uv * self._case.skin.hum * self._hum

    def disturb(self, *, hum: float) -> None:
        """Let the room hum `hum` times as much as the file says from now on."""
        self._hum = hum
        self._chunks.clear()

    def cough(self, stream_id: int, second: float) -> None:
        """Let the patient cough at `second` of a stream, besides what the file says."""
        self._coughs = (*self._coughs, (stream_id, second))
        self._chunks.clear()

    def rows(self, stream_id: int, first_sample: int, n: int, rate_hz: float, loose: frozenset[int]) -> Rows:
        """`n` samples from `first_sample` on, microvolt, shape (16, n); the rows in `loose` have a bad contact."""
        out = np.empty((CHANNELS, n), np.float32)
        at = 0
        while at < n:
            chunk, start = divmod(first_sample + at, CHUNK)
            stop = min(CHUNK, start + n - at)
            out[:, at : at + stop - start] = self._chunk(stream_id, chunk, rate_hz, loose)[:, start:stop]
            at += stop - start
        return out

    def _chunk(self, stream_id: int, chunk: int, rate_hz: float, loose: frozenset[int]) -> Rows:
        key = (stream_id, chunk, rate_hz, loose)
        if key not in self._chunks:
            self._chunks[key] = self._made(stream_id, chunk, rate_hz, loose)
            if len(self._chunks) > _KEPT:
                self._chunks.popitem(last=False)
        return self._chunks[key]

    def _made(self, stream_id: int, chunk: int, rate_hz: float, loose: frozenset[int]) -> Rows:
        seed, visit, first = self._seed, self._visit, chunk * CHUNK
        contact = self._contact.loosened(loose)
        bad = sorted(loose)
        noise_uv, slow_uv = self._noise_uv.copy(), FLICKER_SHARE * self._noise_uv
        noise_uv[bad] = np.hypot(noise_uv[bad], contact.thermal_uv[bad])
        slow_uv[bad] *= LOOSE_FLICKER
        made = noise.white(seed, visit, stream_id, chunk, rate_hz) * noise_uv[:, None]
        nodes = noise.flicker(seed, visit, stream_id, chunk, rate_hz) * slow_uv[:, None]
        nodes += noise.wander(self._wander, chunk, rate_hz)
        made += noise.between_nodes(nodes)
        weights = self._hum_weights(contact)
        mains = self._mains(stream_id, first, rate_hz)
        body = [
            heart_wave(seed, stream_id, first, CHUNK, rate_hz),
            eye_wave(self._case, seed, stream_id, first, CHUNK, rate_hz),
        ]
        gains = np.stack([self._heart, np.tile(EYE_GAIN * self._case.skin.eog_uv, 2)], axis=1)
        made += np.hstack([weights, gains]).astype(np.float32) @ np.vstack([mains, body])
        for row in bad:
            sway = LOOSE_SWAY * np.sin(2 * np.pi * LOOSE_SWAY_HZ * (first + np.arange(CHUNK)) / rate_hz + row)
            made[row] += sway.astype(np.float32) * (weights[row].astype(np.float32) @ mains)
            made[row] += noise.steps(seed, visit, stream_id, row, first / rate_hz, rate_hz)
        for begins_s in self._coughs_in(stream_id):
            shaken = cough_uv(seed, visit, stream_id, begins_s=begins_s, first_sample=first, n=CHUNK, rate_hz=rate_hz)
            if shaken is not None:
                made += shaken
        return made

    def _hum_weights(self, contact: Contact) -> NDArray[np.float64]:
        # cosines, then minus the sines; the channel's sign is that of its imbalance
        size = np.array(HARMONICS) / np.linalg.norm(HARMONICS) * np.sqrt(2) * self._case.skin.hum * self._hum
        signed = np.where(contact.imbalance_kohm < 0, -1.0, 1.0) * contact.hum_uv
        turned = signed[:, None] * size * self._lag
        return np.hstack([turned.real, -turned.imag])

    def _mains(self, stream_id: int, first: int, rate_hz: float) -> Rows:
        # the swing is so slow that its phase runs straight within a chunk
        ends_s = np.array([first, first + CHUNK]) / rate_hz
        swing = SWING_HZ * SWING_S / (2 * np.pi) * np.sin(2 * np.pi * ends_s / SWING_S)
        ends = self._mains_hz * ends_s + swing + _mains_start(self._seed, stream_id)
        turns = np.mod(np.linspace(ends[0], ends[1], CHUNK, endpoint=False), 1.0).astype(np.float32)
        phase = np.outer(np.arange(1, len(HARMONICS) + 1, dtype=np.float32), np.float32(2 * np.pi) * turns)
        return np.vstack([np.cos(phase), np.sin(phase)])

    def _coughs_in(self, stream_id: int) -> list[float]:
        told = self._case.skin.cough_at_s
        return [s for number, s in self._coughs if number == stream_id] + ([] if told is None else [told])


@lru_cache(maxsize=16)
def _mains_start(seed: int, stream_id: int) -> float:
    return float(stream(seed, "mains", stream_id).random())


def loose_rows(case: Case, lesion_side: Side) -> frozenset[int]:
    """Rows of the standard montage whose electrode is loose from the start, as the file says it."""
    montage = standard_montage()
    sides = {"lesion": lesion_side, "other": lesion_side.other}
    words = [name.split(".") for name in case.skin.loose]
    return frozenset(montage.row(sides[half], Muscle(muscle)) for half, muscle in words)
