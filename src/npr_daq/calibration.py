"""Calibration: counts to microvolts, demanded to delivered milliamps, and the delay of each channel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DELAY_RATE_HZ = 20_000.0
"""The rate whose samples group delays count where nothing else is said: the highest of the reference front-end."""


@dataclass(frozen=True, slots=True)
class ChannelCalibration:
    """One amplifier channel: volts = counts x lsb + offset, delayed by `group_delay_samples` at the delay rate."""

    lsb_nv: float
    offset_nv: float
    gain_ppm_per_k: float
    group_delay_samples: float
    input_kohm: int


@dataclass(frozen=True, slots=True)
class RangeCalibration:
    """One stimulator range: delivered uA = demand x uA per step + offset, never above `hard_limit_ua`."""

    ua_per_lsb: float
    offset_ua: float
    hard_limit_ua: int
    trigger_to_output_ns: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """A device's calibration block as read from it; `raw` is the block byte for byte and goes to the exam file.

    `valid` is False when its CRC is wrong: then data are flagged uncalibrated and stimulation is refused.
    `delay_rate_hz` is the rate whose samples the group delays count: the highest that the device lists (wire document,
    section 7). The block itself does not hold it; a driver takes it from the device.
    """

    serial: str
    version: int
    unix_time: int
    channels: tuple[ChannelCalibration, ...]
    ranges: tuple[RangeCalibration, ...]
    raw: bytes
    valid: bool = True
    delay_rate_hz: float = DELAY_RATE_HZ

    def lsb_uv(self, rows: tuple[int, ...] | None = None) -> NDArray[np.float64]:
        """Microvolts per count of the given device channels (all by default), shape (channel,)."""
        picked = range(len(self.channels)) if rows is None else rows
        return np.array([self.channels[i].lsb_nv / 1e3 for i in picked])

    def offset_uv(self, rows: tuple[int, ...] | None = None) -> NDArray[np.float64]:
        """Offset in microvolts of the given device channels (all by default), shape (channel,)."""
        picked = range(len(self.channels)) if rows is None else rows
        return np.array([self.channels[i].offset_nv / 1e3 for i in picked])

    def delay_ms(self, rows: tuple[int, ...] | None = None) -> NDArray[np.float64]:
        """Group delay in ms of the given device channels (all by default), shape (channel,): the same at every rate."""
        return self.delay_samples(rows) * 1e3 / self.delay_rate_hz

    def delay_samples(self, rows: tuple[int, ...] | None = None) -> NDArray[np.float64]:
        """Group delay in samples of `delay_rate_hz`, shape (channel,); at a stream's own rate use `delay_ms`."""
        picked = range(len(self.channels)) if rows is None else rows
        return np.array([self.channels[i].group_delay_samples for i in picked])

    def to_microvolts(self, counts: NDArray[Any], rows: tuple[int, ...] | None = None) -> NDArray[np.float64]:
        """Counts, shape (..., channel, time), as microvolts; missing samples (INT32_MIN) become NaN."""
        volts = counts * self.lsb_uv(rows)[:, None] + self.offset_uv(rows)[:, None]
        return np.where(counts == MISSING, np.nan, volts)


MISSING = int(np.iinfo(np.int32).min)
"""The count that stands for a sample that never arrived; never a number, never zero."""
