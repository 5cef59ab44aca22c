"""Follow one stream: DATA to blocks, with gaps counted, duplicates dropped and markers named."""

from npr_daq.device.contracts import Block, Stream
from npr_daq.recording import Marker, MarkerKind
from npr_daq.wire.data import Data, DataMarker
from npr_daq.wire.tables import MarkerCode

KINDS: dict[int, MarkerKind] = {
    MarkerCode.STIMULUS: MarkerKind.STIMULUS,
    MarkerCode.BLANKING_START: MarkerKind.BLANKING_START,
    MarkerCode.BLANKING_END: MarkerKind.BLANKING_END,
    MarkerCode.TTL_RISING: MarkerKind.TTL_RISING,
    MarkerCode.TTL_FALLING: MarkerKind.TTL_FALLING,
    MarkerCode.BUTTON: MarkerKind.BUTTON,
    MarkerCode.NOTE: MarkerKind.NOTE,
}


class StreamFollower:
    """The samples of one `Stream`, in order; a new stream needs a new follower.

    A DATA whose first sample lies ahead of the expected one gives `missing_before`; one that lies behind is a repeat,
    is dropped and counted in `repeats`. One with another number of channels belongs to no stream we know and is
    counted in `foreign`.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.repeats = 0
        self.foreign = 0
        self._next = 0

    def block(self, data: Data) -> Block | None:
        """The block of `data`, or None when it is to be dropped."""
        if data.counts.shape[0] != len(self.stream.channels):
            self.foreign += 1
            return None
        if data.first_sample < self._next:
            self.repeats += 1
            return None
        missing = data.first_sample - self._next
        self._next = data.first_sample + data.counts.shape[1]
        return Block(
            stream_id=self.stream.stream_id,
            first_sample=data.first_sample,
            counts=data.counts,
            clipped=data.over,
            lead_off=data.leadoff,
            markers=tuple(self._marker(data.first_sample, m) for m in data.markers if m.kind in KINDS),
            missing_before=missing,
        )

    def _marker(self, first_sample: int, marker: DataMarker) -> Marker:
        return Marker(
            stream_id=self.stream.stream_id,
            sample=first_sample + marker.sample_offset,
            subsample=marker.subsample,
            kind=KINDS[marker.kind],
            stim_seq=marker.stim_seq,
            pulse=marker.pulse,
            value=marker.value,
        )
