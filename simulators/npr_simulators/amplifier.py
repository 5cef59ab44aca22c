"""The amplifier half of the device: streams, blocks, in-band markers, electrode impedance."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from npr_daq.wire.data import DataMarker, largest_block, pack_data
from npr_daq.wire.messages import ImpedanceReply, ImpedanceRequest, Reading, StreamStart
from npr_daq.wire.tables import ImpedanceCode, MarkerCode, NakCode, SampleFormat
from npr_simulators.channel_faults import ChannelFaults
from npr_simulators.evoked_path import artefact_uv, converted, muscles_uv
from npr_simulators.limits import Denied
from npr_simulators.memory import CHANNEL_COUNT, RATES_HZ, TICKS_HZ
from npr_simulators.patient_face import PatientFace
from npr_simulators.pulse import SUBSAMPLE_STEPS, Pulse
from npr_simulators.sampling import COUNT_MAX, Response, Sampler, row_bits

IMPEDANCE_HZ = (10, 1000)
"""What the measuring current can be; another frequency is brought into this range and told in the reply."""
HIGH_OHM, OPEN_OHM = 20_000, 200_000
_COUNT_MAX = {SampleFormat.I16: 2**15 - 1, SampleFormat.I24: COUNT_MAX, SampleFormat.I32: COUNT_MAX}


@dataclass(frozen=True, slots=True)
class Block:
    """One DATA payload, how many samples it holds, and the numbers of the stimuli whose markers are in it."""

    payload: bytes
    first_sample: int
    samples: int
    stimuli: tuple[int, ...] = ()


class Stream:
    """One run of the sample counter from 0; blocks come out in order and end at multiples of `block_samples`.

    With `blank_ms` the input is held from the edge of a pulse for so long, and markers say from when to when.
    """

    def __init__(
        self,
        face: PatientFace,
        request: StreamStart,
        *,
        stream_id: int,
        start_ticks: int,
        faults: ChannelFaults | None = None,
        blank_ms: float = 0.0,
    ) -> None:
        self.stream_id = stream_id
        self.start_ticks = start_ticks
        self.rate_hz = request.rate_hz
        self.channels = tuple(row for row in range(CHANNEL_COUNT) if request.channel_mask >> row & 1)
        self.ticks_per_sample = TICKS_HZ // request.rate_hz
        self.block_samples = request.block_samples
        self.next_sample = 0
        self._fmt = SampleFormat(request.fmt)
        self._face = face
        self._faults = faults or ChannelFaults()
        self._blank_ms = blank_ms
        self._markers: list[tuple[int, MarkerCode, Pulse]] = []
        self.sampler = Sampler(
            face,
            stream_id=stream_id,
            rate_hz=request.rate_hz,
            channels=self.channels,
            count_max=_COUNT_MAX[self._fmt],
        )

    def sample_at(self, ticks: int) -> int:
        """Samples that are complete at `ticks` of the device clock."""
        return (ticks - self.start_ticks) // self.ticks_per_sample

    def ticks_at(self, sample: int) -> int:
        """The device clock at which the counter reaches `sample`."""
        return self.start_ticks + sample * self.ticks_per_sample

    def onset_ticks(self, pulse: Pulse) -> int:
        """The device clock at which `pulse` begins, to the tick before its fraction of a sample."""
        return self.ticks_at(pulse.onset_sample) + int(pulse.subsample * self.ticks_per_sample)

    def mark(self, pulse: Pulse, kind: MarkerCode = MarkerCode.STIMULUS) -> None:
        """Put the marker of a pulse that was switched on into the block that holds its onset.

        A trigger input (`TTL_RISING`) sees an edge and no number.
        """
        self._markers.append((pulse.onset_sample, kind, pulse))
        if self._blank_ms > 0:
            steps = pulse.marker_steps + round(self._blank_ms * self.rate_hz / 1e3 * SUBSAMPLE_STEPS)
            sample, rest = divmod(pulse.onset_sample * SUBSAMPLE_STEPS + steps, SUBSAMPLE_STEPS)
            over = replace(pulse, onset_sample=sample, subsample_steps=rest, reading_error_us=0.0)
            self._markers.append((pulse.onset_sample, MarkerCode.BLANKING_START, pulse))
            self._markers.append((sample, MarkerCode.BLANKING_END, over))

    def add(self, pulse: Pulse) -> None:
        """Let the response to `pulse` appear in the samples from its onset on."""
        if pulse.response is not None:
            self.sampler.add(Response(pulse.onset_sample, pulse.response.uv, pulse.response.overloaded))

    def blocks(self, end_sample: int, *, partial: bool) -> Iterator[Block]:
        """The blocks that are complete at `end_sample`; with `partial` also the begun one, cut there."""
        last = end_sample if partial else end_sample - end_sample % self.block_samples
        if last <= self.next_sample:
            return
        first = self.next_sample
        self.next_sample = last
        counts, clipped = self.sampler.counts(first, last - first)
        if self._faults.faults:
            self._faults.apply(
                counts,
                clipped,
                channels=self.channels,
                first_ticks=self.ticks_at(first),
                ticks_per_sample=self.ticks_per_sample,
                count_max=_COUNT_MAX[self._fmt],
            )
        any_clipped = bool(clipped.any())
        lead_off = self._lead_off()
        while first < last:
            end = min(last, first - first % self.block_samples + self.block_samples)
            rows = slice(first - (last - len(counts)), end - (last - len(counts)))
            markers, stimuli = self._markers_in(first, end)
            yield Block(
                payload=pack_data(
                    first_sample=first,
                    counts=counts[rows],
                    fmt=self._fmt,
                    markers=markers,
                    over=row_bits(clipped[rows]) if any_clipped else 0,
                    leadoff=lead_off,
                ),
                first_sample=first,
                samples=end - first,
                stimuli=stimuli,
            )
            first = end

    def response_of(self, pulse: Pulse) -> Iterator[None]:
        """Work out what the electrodes will see of `pulse`, in pieces of a few milliseconds of work each."""
        response = self._face.evoke(
            current_ma=pulse.delivered_ma,
            width_us=float(pulse.width_us),
            ordinal=pulse.ordinal,
            reversed=pulse.current_ua < 0,
            at_s=self.onset_ticks(pulse) / TICKS_HZ,
        )
        yield
        pulse.touches = response is not None
        pulse.response = None
        if response is not None:
            uv = muscles_uv(response, pulse.subsample, self.rate_hz)
            yield
            uv += artefact_uv(response, pulse.subsample, self.rate_hz)
            pulse.response = converted(uv, pulse.subsample, self.rate_hz, blank_ms=self._blank_ms)
            yield
            pulse.truth = dict(response.truth())

    def _markers_in(self, first: int, end: int) -> tuple[tuple[DataMarker, ...], tuple[int, ...]]:
        """The markers of samples before `end` that were not yet sent, and the numbers of their stimuli."""
        if not self._markers:
            return (), ()
        inside = [(s, k, p) for s, k, p in self._markers if s < end]
        self._markers = self._markers[len(inside) :]
        markers = tuple(_marker(sample - first, kind, pulse) for sample, kind, pulse in inside)
        edges = (MarkerCode.STIMULUS, MarkerCode.TTL_RISING)
        return markers, tuple(pulse.stim_seq for _, kind, pulse in inside if kind in edges)

    def _lead_off(self) -> int:
        loose = self._face.loose
        return sum(1 << row for row, channel in enumerate(self.channels) if channel in loose)


def _marker(offset: int, kind: MarkerCode, pulse: Pulse) -> DataMarker:
    if kind is MarkerCode.STIMULUS:
        return stimulus_marker(offset, pulse)
    return DataMarker(sample_offset=offset, subsample_q16=pulse.marker_steps, kind=kind)


def stimulus_marker(offset: int, pulse: Pulse) -> DataMarker:
    """The marker of `pulse`, `offset` samples after the first of its block."""
    return DataMarker(
        sample_offset=offset,
        subsample_q16=pulse.marker_steps,
        kind=MarkerCode.STIMULUS,
        pulse=pulse.number & 0xFF,
        marker_id=pulse.program_id,
        stim_seq=pulse.stim_seq,
        value=pulse.current_ua,
    )


def check_start(request: StreamStart) -> None:
    """Raise Denied for a stream that the device cannot do."""
    if request.rate_hz not in RATES_HZ:
        known = ", ".join(map(str, RATES_HZ))
        raise Denied(NakCode.VALUE, f"rate {request.rate_hz} Hz is not one of {known}")
    if request.channel_mask == 0 or request.channel_mask >> CHANNEL_COUNT:
        raise Denied(NakCode.VALUE, f"channel mask 0x{request.channel_mask:x}; there are {CHANNEL_COUNT} channels")
    if request.block_samples == 0:
        raise Denied(NakCode.VALUE, "a block of 0 samples")
    top = largest_block(channels=request.channel_mask.bit_count(), fmt=SampleFormat(request.fmt))
    if request.block_samples > top:
        raise Denied(NakCode.LIMIT, f"a block of {request.block_samples} samples is above the limit of {top}")


def measured_impedance(face: PatientFace, request: ImpedanceRequest) -> ImpedanceReply:
    """The electrodes of the asked channels; raises Denied for channels that are not there."""
    if request.channel_mask == 0 or request.channel_mask >> CHANNEL_COUNT:
        raise Denied(NakCode.VALUE, f"channel mask 0x{request.channel_mask:x}; there are {CHANNEL_COUNT} channels")
    used_hz = min(max(request.freq_hz, IMPEDANCE_HZ[0]), IMPEDANCE_HZ[1])
    ohm = np.rint(face.impedance_kohm() * 1e3).astype(int)
    readings = tuple(
        Reading(int(g1), int(g2), _judged(max(int(g1), int(g2))))
        for row, (g1, g2) in enumerate(ohm)
        if request.channel_mask >> row & 1
    )
    return ImpedanceReply(request.channel_mask, used_hz, readings)


def _judged(ohm: int) -> ImpedanceCode:
    if ohm >= OPEN_OHM:
        return ImpedanceCode.OPEN
    return ImpedanceCode.HIGH if ohm >= HIGH_OHM else ImpedanceCode.OK
