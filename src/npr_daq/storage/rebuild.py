"""An exam file's raw groups back into the identical recording."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from npr_daq.recording import Capture, Event, Gap, PulseReport, Recording, Role, Sweep
from npr_daq.storage.codec import calibration_from_json, montage_from_json, report_from_json, stimulus_from_json
from npr_daq.storage.hdf import get_values
from npr_daq.storage.text import parse_json


def rebuild(file: Any, header: Mapping[str, Any]) -> Recording:
    """The recording that an open, checked exam file holds; h5py's errors and KeyError, ValueError mean damage."""
    return Recording(
        header=header,
        montage=montage_from_json(parse_json(str(file["channels"].attrs["montage_json"]))),
        calibration=calibration_from_json(parse_json(str(file["calibration"].attrs["calibration_json"]))),
        sweeps=_in_order([row for group in _with_emg(file["sweeps"]) for row in _sweeps(group)]),
        captures=_in_order([_capture(group) for group in _with_emg(file["continuous"])]),
        gaps=_gaps(file["gaps"]),
        events=_events(file["events"]),
        searches=_searches(file["searches"]),
        impedances=tuple(parse_json(row) for row in _column(file["impedance"], "row")),
        recovered=bool(file.attrs["recovered"]),
        dropped_tail_bytes=int(file.attrs["dropped_tail_bytes"]),
    )


def _with_emg(parent: Any) -> list[Any]:
    # a later minor format may put more here
    return [item for name in parent if (item := parent.get(f"{name}/emg")) is not None and (item := item.parent)]


def _column(group: Any, name: str) -> list[Any]:
    values: list[Any] = get_values(group[name]).tolist()
    return values


def _in_order(placed: list[tuple[int, Any]]) -> tuple[Any, ...]:
    return tuple(item for _, item in sorted(placed, key=lambda pair: pair[0]))


def _sweeps(group: Any) -> list[tuple[int, Sweep]]:
    counts = np.asarray(group["emg"][()], np.int32)
    names = (
        "position", "sweep", "role", "stim_request", "stim_seq", "boot_id", "stream_id", "sample_index", "onset",
        "stim_device_report", "stim_reason", "reject_reason", "clipped",
    )  # fmt: skip
    columns = [_column(group, name) for name in names]
    step, rate_hz = str(group.attrs["step"]), float(group.attrs["rate"])
    rows = []
    for block, row in zip(counts, zip(*columns, strict=True), strict=True):
        found = dict(zip(names, row, strict=True))
        sweep = Sweep(
            n=found["sweep"],
            step=step,
            role=Role(found["role"]),
            stimulus=stimulus_from_json(parse_json(found["stim_request"])),
            stim_seq=found["stim_seq"],
            boot_id=found["boot_id"],
            stream_id=found["stream_id"],
            rate_hz=rate_hz,
            first_sample=found["sample_index"],
            onset=found["onset"],
            counts=block,
            report=_report(found["stim_device_report"]),
            why=parse_json(found["stim_reason"]),
            reject_reasons=tuple(parse_json(found["reject_reason"])),
            clipped=tuple(parse_json(found["clipped"])),
        )
        rows.append((int(found["position"]), sweep))
    return rows


def _report(text: str) -> PulseReport:
    return report_from_json(parse_json(text))


def _capture(group: Any) -> tuple[int, Capture]:
    attrs = group.attrs
    capture = Capture(
        name=str(attrs["name"]),
        step=str(attrs["step"]),
        stream_id=int(attrs["stream_id"]),
        rate_hz=float(attrs["rate"]),
        first_sample=int(attrs["sample_index"]),
        counts=np.asarray(group["emg"][()], np.int32),
    )
    return int(attrs["position"]), capture


def _gaps(group: Any) -> tuple[Gap, ...]:
    columns = (_column(group, name) for name in ("stream_id", "sample_index", "missing", "text"))
    return tuple(Gap(*row) for row in zip(*columns, strict=True))


def _events(group: Any) -> tuple[Event, ...]:
    columns = (_column(group, name) for name in ("kind", "text", "stream_id", "sample_index", "host_time", "detail"))
    return tuple(
        Event(kind, text, stream_id=stream_id, sample=sample, host_ns=host_ns, detail=parse_json(detail))
        for kind, text, stream_id, sample, host_ns, detail in zip(*columns, strict=True)
    )


def _searches(group: Any) -> dict[str, dict[str, Any]]:
    evidence = (parse_json(text) for text in _column(group, "evidence"))
    return dict(zip(_column(group, "step"), evidence, strict=True))
