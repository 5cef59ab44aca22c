"""Captures put together from the parts and sample frames of a journal; a hole stays a hole, with its length."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import MISSING
from npr_daq.recording import Capture, Gap
from npr_daq.storage import fields
from npr_daq.storage.waveforms import capture_from_json

_LONGEST_FILL_S = 10.0
"""A longer hole begins a new capture: filling it would make a file of nothing."""


@dataclass(slots=True)
class _Open:
    capture: Capture
    pieces: list[NDArray[np.int32]]
    end_sample: int
    total: int | None
    continued: int = 1


@dataclass(slots=True)
class CaptureBuilder:
    """Takes capture and sample frames in journal order; `finish` gives the captures in the order they began."""

    gaps: list[Gap] = field(default_factory=list)
    incomplete: list[tuple[str, int, int]] = field(default_factory=list)
    homeless: dict[int, int] = field(default_factory=dict)
    _all: list[_Open] = field(default_factory=list)
    _announced: dict[int, _Open] = field(default_factory=dict)

    def part(self, document: Mapping[str, Any], counts: NDArray[np.int32]) -> None:
        """A capture frame: a whole capture, the next part of one, or the announcement of sample frames."""
        total, offset = fields.count(document, "total"), fields.count(document, "offset")
        if offset:
            self._add_part(document, counts)
            return
        capture = capture_from_json(document, counts)
        opened = _Open(capture, [counts], capture.first_sample + counts.shape[1], total or None)
        self._all.append(opened)
        if not total:
            self._announced[capture.stream_id] = opened

    def samples(self, stream_id: int, first_sample: int, counts: NDArray[np.int32]) -> None:
        """A frame of consecutive samples of an announced capture."""
        opened = self._announced.get(stream_id)
        if opened is None:
            self.homeless[stream_id] = self.homeless.get(stream_id, 0) + counts.shape[1]
            return
        if counts.shape[0] != opened.capture.counts.shape[0]:
            raise ValueError(f"{counts.shape[0]} channels, where {opened.capture.counts.shape[0]} were announced")
        missing = first_sample - opened.end_sample
        if not 0 <= missing < 2**63:
            raise ValueError(f"samples of stream {stream_id} at {first_sample} come after {opened.end_sample}")
        if missing:
            self.gaps.append(Gap(stream_id, opened.end_sample, missing, "not in the journal"))
        if missing > _LONGEST_FILL_S * opened.capture.rate_hz:
            opened = self._continue(opened, first_sample)
        elif missing:
            opened.pieces.append(np.full((counts.shape[0], missing), MISSING, np.int32))
        opened.pieces.append(counts)
        opened.end_sample = first_sample + counts.shape[1]

    def finish(self) -> tuple[Capture, ...]:
        """Every capture, with its samples joined."""
        for opened in self._all:
            have = opened.end_sample - opened.capture.first_sample
            if opened.total is not None and have < opened.total:
                self.incomplete.append((opened.capture.name, have, opened.total))
        return tuple(replace(opened.capture, counts=_joined(opened.pieces)) for opened in self._all)

    def _add_part(self, document: Mapping[str, Any], counts: NDArray[np.int32]) -> None:
        for opened in reversed(self._all):
            begun = opened.capture
            if (begun.name, begun.stream_id) == (document["name"], document["stream_id"]):
                if opened.end_sample != begun.first_sample + document["offset"]:
                    break
                opened.pieces.append(counts)
                opened.end_sample += counts.shape[1]
                return
        raise ValueError(f"a part of {document['name']!r} at sample {document['offset']} follows nothing")

    def _continue(self, opened: _Open, first_sample: int) -> _Open:
        number = opened.continued + 1
        name = f"{opened.capture.name.removesuffix(f'_{opened.continued}')}_{number}"
        capture = replace(opened.capture, name=name, first_sample=first_sample)
        later = _Open(capture, [], first_sample, None, number)
        self._all.append(later)
        self._announced[capture.stream_id] = later
        return later


def _joined(pieces: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    filled = [piece for piece in pieces if piece.shape[1]]
    if not filled:
        return pieces[0]
    return filled[0] if len(filled) == 1 else np.concatenate(filled, axis=1)
