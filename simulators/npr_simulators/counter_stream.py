"""The stream of a stimulator without channels: it counts samples, so that FIRE can name one, and carries markers."""

from collections.abc import Iterator

import numpy as np

from npr_daq.wire.data import pack_data
from npr_daq.wire.messages import StreamStart
from npr_daq.wire.tables import NakCode, SampleFormat
from npr_simulators.amplifier import Block, stimulus_marker
from npr_simulators.limits import Denied
from npr_simulators.memory import RATES_HZ, TICKS_HZ
from npr_simulators.patient_face import PatientFace
from npr_simulators.pulse import Pulse


class CounterStream:
    """One run of the sample counter from 0, without a single sample (wire specification 5.15).

    `channels` is empty; blocks come out in order and end at multiples of `block_samples`.
    """

    channels: tuple[int, ...] = ()

    def __init__(self, face: PatientFace, request: StreamStart, *, stream_id: int, start_ticks: int) -> None:
        self.stream_id = stream_id
        self.start_ticks = start_ticks
        self.rate_hz = request.rate_hz
        self.ticks_per_sample = TICKS_HZ // request.rate_hz
        self.block_samples = request.block_samples
        self.next_sample = 0
        self._fmt = SampleFormat(request.fmt)
        self._face = face
        self._pulses: list[Pulse] = []

    def sample_at(self, ticks: int) -> int:
        """Samples that are complete at `ticks` of the device clock."""
        return (ticks - self.start_ticks) // self.ticks_per_sample

    def ticks_at(self, sample: int) -> int:
        """The device clock at which the counter reaches `sample`."""
        return self.start_ticks + sample * self.ticks_per_sample

    def onset_ticks(self, pulse: Pulse) -> int:
        """The device clock at which `pulse` begins, to the tick before its fraction of a sample."""
        return self.ticks_at(pulse.onset_sample) + int(pulse.subsample * self.ticks_per_sample)

    def mark(self, pulse: Pulse) -> None:
        """Put the marker of a pulse that was switched on into the block that holds its onset."""
        self._pulses.append(pulse)

    def add(self, pulse: Pulse) -> None:
        """Nothing: there is no electrode here."""

    def forget_background(self) -> None:
        """Nothing: there is no background here."""

    def response_of(self, pulse: Pulse) -> Iterator[None]:
        """Work out what the patient answers, for the truth alone: nobody records it."""
        response = self._face.evoke(
            current_ma=pulse.delivered_ma,
            width_us=float(pulse.width_us),
            ordinal=pulse.ordinal,
            reversed=pulse.current_ua < 0,
            at_s=self.onset_ticks(pulse) / TICKS_HZ,
        )
        yield
        pulse.touches = response is not None
        if response is not None:
            pulse.truth = dict(response.truth())

    def blocks(self, end_sample: int, *, partial: bool) -> Iterator[Block]:
        """The blocks that are complete at `end_sample`; with `partial` also the begun one, cut there."""
        last = end_sample if partial else end_sample - end_sample % self.block_samples
        while self.next_sample < last:
            first = self.next_sample
            end = min(last, first - first % self.block_samples + self.block_samples)
            inside = [pulse for pulse in self._pulses if pulse.onset_sample < end]
            self._pulses = self._pulses[len(inside) :]
            self.next_sample = end
            yield Block(
                payload=pack_data(
                    first_sample=first,
                    counts=np.empty((end - first, 0), np.int32),
                    fmt=self._fmt,
                    markers=tuple(stimulus_marker(pulse.onset_sample - first, pulse) for pulse in inside),
                ),
                first_sample=first,
                samples=end - first,
                stimuli=tuple(pulse.stim_seq for pulse in inside),
            )


def check_counter_start(request: StreamStart) -> None:
    """Raise Denied for a stream that a device without channels cannot do."""
    if request.rate_hz not in RATES_HZ:
        raise Denied(NakCode.VALUE, f"rate {request.rate_hz} Hz is not one of {', '.join(map(str, RATES_HZ))}")
    if request.channel_mask:
        raise Denied(NakCode.VALUE, f"channel mask 0x{request.channel_mask:x}; there are no channels, so the mask is 0")
    if request.block_samples == 0:
        raise Denied(NakCode.VALUE, "a block of 0 samples")
