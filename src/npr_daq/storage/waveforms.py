"""Sweeps and captures as JSON beside their samples; the samples themselves travel as raw integers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.recording import Capture, Role, Sweep
from npr_daq.storage import fields
from npr_daq.storage.codec import Json, report_from_json, report_to_json, stimulus_from_json, stimulus_to_json
from npr_daq.storage.text import clean, number_to_json


def sweep_to_json(sweep: Sweep) -> Json:
    """Everything of a sweep but its counts."""
    return {
        "n": sweep.n,
        "step": clean(sweep.step),
        "role": str(sweep.role),
        "stimulus": stimulus_to_json(sweep.stimulus),
        "stim_seq": sweep.stim_seq,
        "boot_id": sweep.boot_id,
        "stream_id": sweep.stream_id,
        "rate_hz": number_to_json(sweep.rate_hz),
        "first_sample": sweep.first_sample,
        "onset": number_to_json(sweep.onset),
        "report": report_to_json(sweep.report),
        "why": dict(sweep.why),
        "reject_reasons": [clean(reason) for reason in sweep.reject_reasons],
        "clipped": [clean(name) for name in sweep.clipped],
    }


def sweep_from_json(data: Mapping[str, Any], counts: NDArray[np.int32]) -> Sweep:
    """The inverse of `sweep_to_json`, with `counts` of shape (channel, time)."""
    return Sweep(
        n=fields.whole(data, "n"),
        step=fields.words(data, "step"),
        role=Role(data["role"]),
        stimulus=stimulus_from_json(data["stimulus"]),
        stim_seq=fields.whole(data, "stim_seq"),
        boot_id=fields.whole(data, "boot_id"),
        stream_id=fields.whole(data, "stream_id"),
        rate_hz=fields.rate(data, "rate_hz"),
        first_sample=fields.sample(data, "first_sample"),
        onset=fields.finite(data, "onset"),
        counts=counts,
        report=report_from_json(data["report"]),
        why=fields.mapping(data, "why"),
        reject_reasons=fields.all_words(data, "reject_reasons"),
        clipped=fields.all_words(data, "clipped"),
    )


def capture_to_json(capture: Capture) -> Json:
    """Everything of a capture but its counts."""
    return {
        "name": clean(capture.name),
        "step": clean(capture.step),
        "stream_id": capture.stream_id,
        "rate_hz": number_to_json(capture.rate_hz),
        "first_sample": capture.first_sample,
    }


def capture_from_json(data: Mapping[str, Any], counts: NDArray[np.int32]) -> Capture:
    """The inverse of `capture_to_json`, with `counts` of shape (channel, time)."""
    return Capture(
        name=fields.words(data, "name"),
        step=fields.words(data, "step"),
        stream_id=fields.whole(data, "stream_id"),
        rate_hz=fields.rate(data, "rate_hz"),
        first_sample=fields.sample(data, "first_sample"),
        counts=counts,
    )
