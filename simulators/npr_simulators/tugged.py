"""A tug at an electrode: a step beyond the input range that drifts back, added to what the face shows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_simulators.patient_face import PatientFace

TAU_S = 0.1
LASTS_TAUS = 12
"""How slowly the electrode settles again, and when nothing of it is left [A]."""


@dataclass(frozen=True, slots=True)
class Tug:
    """A step of `uv` on `rows` for `seconds` from `first_sample` of a stream on; then it decays."""

    stream_id: int
    first_sample: int
    rows: tuple[int, ...]
    seconds: float
    uv: float

    def wave(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Microvolt at `t_s` seconds after its first sample."""
        after_s = np.maximum(t_s - self.seconds, 0.0)
        return np.where(t_s >= 0, self.uv * np.exp(-after_s / TAU_S), 0.0)

    @property
    def lasts_s(self) -> float:
        """How long anything of it is left."""
        return self.seconds + LASTS_TAUS * TAU_S


class TuggedFace:
    """A `PatientFace` whose electrodes can be tugged at; everything else is the face's own answer."""

    def __init__(self, face: PatientFace) -> None:
        self._face = face
        self._tugs: list[Tug] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._face, name)

    def tug(self, tug: Tug) -> None:
        """Let it happen in the running stream; what was in earlier ones is forgotten."""
        self._tugs = [*(t for t in self._tugs if t.stream_id == tug.stream_id), tug]

    def background(self, stream_id: int, first_sample: int, n: int, rate_hz: float) -> NDArray[np.float32]:
        """See `PatientFace.background`."""
        uv = self._face.background(stream_id, first_sample, n, rate_hz)
        for tug in self._tugs:
            ends = tug.first_sample + tug.lasts_s * rate_hz
            if tug.stream_id == stream_id and first_sample < ends and tug.first_sample < first_sample + n:
                uv = uv.copy()
                t_s = (np.arange(first_sample, first_sample + n) - tug.first_sample) / rate_hz
                uv[list(tug.rows)] += tug.wave(t_s).astype(np.float32)
        return uv
