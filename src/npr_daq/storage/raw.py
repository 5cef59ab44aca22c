"""The raw groups of an exam file, made from a recording alone; the same recording always gives the same groups."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import Calibration
from npr_daq.errors import RecordingError
from npr_daq.montage import Montage
from npr_daq.recording import Capture, Recording, Sweep
from npr_daq.storage import tables
from npr_daq.storage.codec import report_to_json, stimulus_to_json
from npr_daq.storage.columns import flag, integer, number, sample_index, text, texts
from npr_daq.storage.layout import FILL, AttrValue, Group, Variable, safe_name
from npr_daq.storage.text import canonical_json, clean, compact_json


def raw_groups(recording: Recording) -> dict[str, Group]:
    """Every raw group by its path ("sweeps/trunk_left", "events", ...).

    RecordingError when the samples of a sweep or capture have another number of rows than the montage.
    """
    scaling = _Scaling(recording.montage, recording.calibration)
    rates = _rates(recording)
    groups = {
        "calibration": tables.calibration(recording.calibration),
        "channels": tables.channels(recording.montage, scaling.per_channel),
        "electrodes": tables.electrodes(recording.montage),
        "protocol": tables.protocol(recording.header),
        "searches": tables.searches(recording.searches),
        "impedance": tables.impedance(recording.impedances),
        "events": tables.events(recording.events, rates),
        "gaps": tables.gaps(recording.gaps, rates),
        "sweeps": Group(),
        "continuous": Group(),
    }
    series: defaultdict[tuple[Any, ...], list[tuple[int, Sweep]]] = defaultdict(list)
    for position, sweep in enumerate(recording.sweeps):
        scaling.check(sweep.counts, f"sweep {sweep.n}")
        series[sweep.step, repr(sweep.rate_hz), sweep.counts.shape].append((position, sweep))
    for (step, *_), members in series.items():
        groups[safe_name_in(groups, "sweeps", step)] = _sweep_group(members, scaling, recording)
    for position, capture in enumerate(recording.captures):
        scaling.check(capture.counts, f"the recording {capture.name}")
        groups[safe_name_in(groups, "continuous", capture.name)] = _capture_group(position, capture, scaling)
    return groups


def config_json(recording: Recording) -> str:
    """The recording's header as canonical JSON."""
    return canonical_json(recording.header)


def safe_name_in(groups: Mapping[str, Group], parent: str, name: str) -> str:
    """The path of a new group below `parent`."""
    taken = {path.removeprefix(f"{parent}/"): None for path in groups if path.startswith(f"{parent}/")}
    return f"{parent}/{safe_name(name, taken)}"


class _Scaling:
    """How counts become volts: one nominal `scale_factor`, corrected by `gain`, `offset` and `delay` per channel."""

    def __init__(self, montage: Montage, calibration: Calibration) -> None:
        self.names = texts(montage.names)
        known = dict(enumerate(calibration.channels))
        picked = [known.get(channel.index) for channel in montage.channels]
        lsb = np.array([np.nan if c is None else c.lsb_nv for c in picked], np.float64)
        usable = np.flatnonzero(np.isfinite(lsb) & (lsb != 0))
        self.calibrated = usable.size > 0
        nominal = float(lsb[usable[0]]) if self.calibrated else 1.0
        self.volts_per_count = nominal * 1e-9 if self.calibrated else 1.0
        with np.errstate(all="ignore"):
            self.gain = lsb / nominal if self.calibrated else np.ones_like(lsb)
        self.offset = np.array([0.0 if c is None else c.offset_nv * 1e-9 for c in picked], np.float64)
        samples = np.array([0.0 if c is None else c.group_delay_samples for c in picked], np.float64)
        with np.errstate(all="ignore"):
            self.delay_s = samples / np.float64(calibration.delay_rate_hz)

    def check(self, counts: NDArray[np.int32], what: str) -> None:
        if counts.ndim != 2 or counts.shape[0] != len(self.names) or counts.dtype != np.int32:
            raise RecordingError(
                f"{what} holds {counts.dtype} of shape {counts.shape}; the montage has {len(self.names)} channels"
            )

    @property
    def per_channel(self) -> dict[str, Variable]:
        return {
            "gain": Variable(("channel",), self.gain, {"units": "1", "long_name": "gain relative to scale_factor"}),
            "offset": Variable(("channel",), self.offset, {"units": "V", "long_name": "offset of the amplifier"}),
        }

    @property
    def variables(self) -> dict[str, Variable]:
        """Channel names and, per channel, what corrects counts and time; seconds of delay are those of any rate."""
        attrs: dict[str, AttrValue] = {"units": "s", "long_name": "group delay: samples come this much late"}
        channel = Variable(("channel",), self.names, {"long_name": "side and muscle"})
        return {"channel": channel, **self.per_channel, "delay": Variable(("channel",), self.delay_s, attrs)}

    @property
    def emg_attrs(self) -> dict[str, AttrValue]:
        return {
            "units": "V" if self.calibrated else "1",
            "long_name": "EMG as recorded, G1 - G2" if self.calibrated else "EMG, uncalibrated counts, G1 - G2",
            "scale_factor": np.float64(self.volts_per_count),
            "_FillValue": FILL,
            "comment": "volts = counts x scale_factor x gain + offset, at time - delay",
        }


def _rates(recording: Recording) -> dict[int, float]:
    items: Sequence[Sweep | Capture] = (*recording.sweeps, *recording.captures)
    return {item.stream_id: item.rate_hz for item in items}


def _sweep_group(members: list[tuple[int, Sweep]], scaling: _Scaling, recording: Recording) -> Group:
    sweeps = [sweep for _, sweep in members]
    first = sweeps[0]
    stack = np.stack([sweep.counts for sweep in sweeps])
    with np.errstate(all="ignore"):
        before = np.floor(np.float64(first.onset))
        time = (np.arange(stack.shape[2]) - before) / np.float64(first.rate_hz)
    coordinates = {
        "sweep": integer("sweep", (s.n for s in sweeps), "number of the sweep in the exam"),
        "time": Variable(("time",), time, {"units": "s", "long_name": "time from the nominal stimulus onset"}),
    }
    emg = Variable(
        ("sweep", "channel", "time"), stack, scaling.emg_attrs, (1, *stack.shape[1:]) if stack.size else None
    )
    return Group(
        {
            "emg": emg,
            **coordinates,
            **scaling.variables,
            **_stimulus_columns(sweeps),
            "position": integer("sweep", (position for position, _ in members), "place in the order of recording"),
        },
        {
            "step": clean(first.step),
            "kind": clean(recording.kind_of(first.step)),
            "rate": np.float64(first.rate_hz),
            "rate_units": "Hz",
        },
    )


def _stimulus_columns(sweeps: list[Sweep]) -> dict[str, Variable]:
    dim = "sweep"
    with np.errstate(all="ignore"):
        times = [float(np.float64(s.first_sample + s.onset) / np.float64(s.rate_hz)) for s in sweeps]
    return {
        "stim_seq": integer(dim, (s.stim_seq for s in sweeps), "stimulus number of the device's boot"),
        "boot_id": integer(dim, (s.boot_id for s in sweeps), "boot of the device"),
        "side": text(dim, (s.stimulus.side for s in sweeps), "side stimulated, the patient's own"),
        "site": text(dim, (s.stimulus.site for s in sweeps), "site stimulated: a facial branch or supraorbital"),
        "role": text(dim, (s.role for s in sweeps), "why the shock counts: search, confirm, accept, rejected"),
        "stim_amplitude": number(dim, (s.stimulus.current_ma * 1e-3 for s in sweeps), "A", "current requested"),
        "stim_delivered": number(dim, (s.report.measured_ma * 1e-3 for s in sweeps), "A", "current measured"),
        "stim_width": number(dim, (s.stimulus.width_us * 1e-6 for s in sweeps), "s", "pulse width requested"),
        "stim_charge": number(dim, (s.report.charge_uc * 1e-6 for s in sweeps), "C", "charge delivered"),
        "stim_time": number(dim, times, "s", "stimulus onset on the clock of the stream"),
        "stim_sample": sample_index(dim, (s.report.onset_sample for s in sweeps), "sample of the onset, as reported"),
        "stim_subsample": number(dim, (s.report.subsample for s in sweeps), "1", "fraction of a sample to add to it"),
        "stim_device_ack": text(dim, (s.report.result for s in sweeps), "how the pulse went, as the device reports"),
        "stim_reason": text(dim, (compact_json(s.why) for s in sweeps), "why it was given: rule and inputs, JSON"),
        "stim_request": text(dim, (_json(stimulus_to_json(s.stimulus)) for s in sweeps), "what was asked for, JSON"),
        "stim_device_report": text(dim, (_json(report_to_json(s.report)) for s in sweeps), "the device's report, JSON"),
        "sample_index": sample_index(dim, (s.first_sample for s in sweeps), "device sample of the first column"),
        "stream_id": integer(dim, (s.stream_id for s in sweeps), "stream that the sample indices belong to"),
        "onset": number(dim, (s.onset for s in sweeps), "1", "stimulus onset in samples from the first column"),
        "valid": flag(dim, (s.valid for s in sweeps), "whether the sweep may be analysed"),
        "reject_reason": text(dim, (_json(s.reject_reasons) for s in sweeps), "why not, JSON list"),
        "clipped": text(dim, (_json(s.clipped) for s in sweeps), "channels that clipped, JSON list"),
    }


def _capture_group(position: int, capture: Capture, scaling: _Scaling) -> Group:
    with np.errstate(all="ignore"):
        start = np.float64(capture.first_sample) / np.float64(capture.rate_hz)
    attrs = {**scaling.emg_attrs, "t0": start, "rate": np.float64(capture.rate_hz)}
    length = capture.counts.shape[1]
    second = int(min(length, max(1.0, capture.rate_hz))) if np.isfinite(capture.rate_hz) else length
    emg = Variable(
        ("channel", "time"), np.ascontiguousarray(capture.counts), attrs, (1, second) if capture.counts.size else None
    )
    return Group(
        {"emg": emg, **scaling.variables},
        {
            "name": clean(capture.name),
            "step": clean(capture.step),
            "stream_id": np.int64(capture.stream_id),
            "sample_index": np.uint64(capture.first_sample),
            "position": np.int64(position),
            "rate": np.float64(capture.rate_hz),
            "rate_units": "Hz",
        },
    )


def _json(value: Any) -> str:
    return compact_json(value)
