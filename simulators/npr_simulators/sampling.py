"""From the skin to counts: background behind the high-pass plus responses, quantised and clipped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_simulators import analog
from npr_simulators.evoked_path import FASTEST_HZ
from npr_simulators.patient_face import PatientFace

FULL_SCALE_NV = analog.FULL_SCALE_UV * 1e3
"""Half the input range: +-40 mV at 24 bits."""
COUNT_MAX = 2**23 - 1
LSB_NV = FULL_SCALE_NV / 2**23
GROUP_DELAY_SAMPLES = analog.GROUP_DELAY_MS * FASTEST_HZ / 1e3
"""Delay of the anti-alias filter in samples at the highest rate, as the calibration block tells it: 1.66."""
CHUNK_SAMPLES = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Microvolts, shape (channel, time), that a stimulus adds from `first_sample` on, and where the input was over."""

    first_sample: int
    uv: NDArray[np.float64]
    overloaded: NDArray[np.bool_]

    @property
    def end_sample(self) -> int:
        """One past the last sample it touches."""
        return self.first_sample + int(self.uv.shape[-1])


class Background:
    """What the electrodes of one stream pick up without a shock, behind the high-pass, in whole chunks.

    The face is asked for whole chunks in their order, so the numbers do not depend on how the stream is cut. The
    high-pass begins settled on the first sample.
    """

    def __init__(self, face: PatientFace, *, stream_id: int, rate_hz: int, rows: NDArray[np.intp]) -> None:
        self._face = face
        self._stream_id = stream_id
        self._rate_hz = rate_hz
        self._rows = rows
        self._number = -1
        self._stale = False
        self._read = 0
        self._skin_uv = np.empty((rows.size, 0), dtype=np.float32)
        self._uv = np.empty((rows.size, 0))
        self._over = np.empty((rows.size, 0), np.bool_)
        self._before: NDArray[np.float64] | None = None
        self._after: NDArray[np.float64] | None = None

    def forget(self) -> None:
        """Ask the face anew from the first sample that was not yet read: something has changed there."""
        self._stale = True

    def microvolts(self, first_sample: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Microvolt, and where the input was overloaded, both (row, n); stretches must be asked for in order."""
        out, over = np.empty((self._rows.size, n)), np.empty((self._rows.size, n), np.bool_)
        done = 0
        while done < n:
            number, inside = divmod(first_sample + done, CHUNK_SAMPLES)
            take = min(n - done, CHUNK_SAMPLES - inside)
            self._have(number)
            out[:, done : done + take] = self._uv[:, inside : inside + take]
            over[:, done : done + take] = self._over[:, inside : inside + take]
            self._read = inside + take
            done += take
        return out, over

    def _have(self, number: int) -> None:
        if number == self._number and not self._stale:
            return
        whole = self._face.background(self._stream_id, number * CHUNK_SAMPLES, CHUNK_SAMPLES, self._rate_hz)
        skin_uv = whole[self._rows]
        if number == self._number:
            # what was sent was so; the filter remembers that past and not the new one
            skin_uv[:, : self._read] = self._skin_uv[:, : self._read]
        else:
            settled = np.stack([skin_uv[:, 0], np.zeros(self._rows.size)], axis=1)
            self._before = self._after if self._after is not None else settled
        held, self._over = analog.saturated(skin_uv.astype(np.float64), self._rate_hz)
        self._uv, self._after = analog.high_passed(held, self._rate_hz, self._before)
        self._skin_uv, self._number, self._stale = skin_uv, number, False


class Sampler:
    """The converter of one stream: `counts(first, n)` for consecutive stretches of its sample index."""

    def __init__(
        self, face: PatientFace, *, stream_id: int, rate_hz: int, channels: tuple[int, ...], count_max: int = COUNT_MAX
    ) -> None:
        self._count_max = count_max
        self._rows = np.array(channels, dtype=np.intp)
        self._background = Background(face, stream_id=stream_id, rate_hz=rate_hz, rows=self._rows)
        self._responses: list[Response] = []

    def add(self, response: Response) -> None:
        """Let `response` (all device channels) appear in the samples that follow."""
        rows = self._rows
        self._responses.append(Response(response.first_sample, response.uv[rows], response.overloaded[rows]))

    def forget_background(self) -> None:
        """Ask the face anew at the next sample: an electrode has changed, or the patient begins to move."""
        self._background.forget()

    def counts(self, first_sample: int, n: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Counts, int32 of shape (time, channel), and which of them were clipped, the same shape.

        Clipped is what the converter or the input stage before it could not follow. Responses that end before
        `first_sample` are dropped: stretches must be asked for in order.
        """
        uv, over = self._background.microvolts(first_sample, n)
        end = first_sample + n
        self._responses = [r for r in self._responses if r.end_sample > first_sample]
        for response in self._responses:
            low, high = max(first_sample, response.first_sample), min(end, response.end_sample)
            if low < high:
                here, there = slice(low - first_sample, high - first_sample), response.first_sample
                uv[:, here] += response.uv[:, low - there : high - there]
                over[:, here] |= response.overloaded[:, low - there : high - there]
        uv *= 1e3 / LSB_NV
        np.rint(uv, out=uv)
        if max(uv.max(), -uv.min()) > self._count_max:
            over |= np.abs(uv) > self._count_max
            np.clip(uv, -self._count_max, self._count_max, out=uv)
        return np.ascontiguousarray(uv.T, dtype=np.int32), over.T


def row_bits(flags: NDArray[np.bool_]) -> int:
    """Bit mask over the columns of `flags`, shape (time, channel), that hold anywhere."""
    return sum(1 << int(row) for row in np.flatnonzero(flags.any(axis=0)))
