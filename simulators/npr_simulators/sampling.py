"""From the skin to counts: background plus responses, delayed by the front-end, quantised and clipped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_simulators.patient_face import PatientFace

FULL_SCALE_NV = 40e6
"""Half the input range: +-40 mV at 24 bits."""
COUNT_MAX = 2**23 - 1
LSB_NV = FULL_SCALE_NV / 2**23
FASTEST_HZ = 20_000
GROUP_DELAY_SAMPLES = 1.7
"""Delay of the anti-alias filter in samples at the highest rate, a pure delay here, told by the calibration block."""
GROUP_DELAY_MS = GROUP_DELAY_SAMPLES * 1e3 / FASTEST_HZ
RESPONSE_WINDOW_MS = 120.0
CHUNK_SAMPLES = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Microvolts, shape (channel, time), that a stimulus adds from `first_sample` on."""

    first_sample: int
    uv: NDArray[np.float64]

    @property
    def end_sample(self) -> int:
        """One past the last sample it touches."""
        return self.first_sample + int(self.uv.shape[-1])


def sample_times_ms(subsample: float, rate_hz: float) -> NDArray[np.float64]:
    """Times from the cathodal edge that the samples from the onset's on show, after the front-end's delay.

    The onset lies `subsample` of a period behind its sample.
    """
    n = int(np.ceil(RESPONSE_WINDOW_MS * rate_hz / 1e3)) + 1
    return (np.arange(n, dtype=np.float64) - subsample) * (1e3 / rate_hz) - GROUP_DELAY_MS


class Sampler:
    """The converter of one stream: `counts(first, n)` for consecutive stretches of its sample index.

    The background is asked for in whole chunks, so the counts do not depend on how the stream is cut into blocks.
    """

    def __init__(
        self, face: PatientFace, *, stream_id: int, rate_hz: int, channels: tuple[int, ...], count_max: int = COUNT_MAX
    ) -> None:
        self._face = face
        self._stream_id = stream_id
        self._rate_hz = rate_hz
        self._count_max = count_max
        self._rows = np.array(channels, dtype=np.intp)
        self._chunk_number = -1
        self._chunk_uv = np.empty((len(channels), 0), dtype=np.float32)
        self._responses: list[Response] = []

    def add(self, response: Response) -> None:
        """Let `response` (all device channels) appear in the samples that follow."""
        self._responses.append(Response(response.first_sample, response.uv[self._rows]))

    def forget_background(self) -> None:
        """Ask the face anew at the next sample: an electrode has changed."""
        self._chunk_number = -1

    def counts(self, first_sample: int, n: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Counts, int32 of shape (time, channel), and which of them were clipped, the same shape.

        Responses that end before `first_sample` are dropped: stretches must be asked for in order.
        """
        uv = np.empty((len(self._rows), n), dtype=np.float64)
        done = 0
        while done < n:
            start = first_sample + done
            number, inside = divmod(start, CHUNK_SAMPLES)
            take = min(n - done, CHUNK_SAMPLES - inside)
            uv[:, done : done + take] = self._background(number)[:, inside : inside + take]
            done += take
        end = first_sample + n
        self._responses = [r for r in self._responses if r.end_sample > first_sample]
        for response in self._responses:
            low, high = max(first_sample, response.first_sample), min(end, response.end_sample)
            if low < high:
                piece = response.uv[:, low - response.first_sample : high - response.first_sample]
                uv[:, low - first_sample : high - first_sample] += piece
        raw = np.rint(uv.T * (1e3 / LSB_NV))
        clipped = np.abs(raw) > self._count_max
        np.clip(raw, -self._count_max, self._count_max, out=raw)
        return np.ascontiguousarray(raw, dtype=np.int32), clipped

    def _background(self, number: int) -> NDArray[np.float32]:
        if number != self._chunk_number:
            whole = self._face.background(self._stream_id, number * CHUNK_SAMPLES, CHUNK_SAMPLES, self._rate_hz)
            self._chunk_uv = whole[self._rows]
            self._chunk_number = number
        return self._chunk_uv


def row_bits(flags: NDArray[np.bool_]) -> int:
    """Bit mask over the columns of `flags`, shape (time, channel), that hold anywhere."""
    return sum(1 << int(row) for row in np.flatnonzero(flags.any(axis=0)))
