"""The tables of an exam file that describe the recording: channels, electrodes, events, gaps, calibration and so on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npr_daq.anatomy import own_branch
from npr_daq.calibration import Calibration
from npr_daq.montage import Montage
from npr_daq.recording import Event, Gap
from npr_daq.storage.codec import calibration_to_json, montage_to_json
from npr_daq.storage.columns import flag, index, integer, number, sample_index, scalar_text, text, texts
from npr_daq.storage.layout import Group, Variable
from npr_daq.storage.text import canonical_json, clean, compact_json

_SI = {
    "_kohm": ("Ohm", 1e3),
    "_ohm": ("Ohm", 1.0),
    "_hz": ("Hz", 1.0),
    "_ma": ("A", 1e-3),
    "_uv": ("V", 1e-6),
    "_mv": ("V", 1e-3),
    "_us": ("s", 1e-6),
    "_ms": ("s", 1e-3),
    "_s": ("s", 1.0),
}


def channels(montage: Montage, per_channel: Mapping[str, Variable]) -> Group:
    """One row per channel, named as in BIDS; `per_channel` adds gain and offset."""
    rows, dim = montage.channels, "channel"
    return Group(
        {
            dim: Variable((dim,), texts(montage.names), {"long_name": "side and muscle"}),
            "type": text(dim, ("EMG" for _ in rows), "channel type"),
            "units": text(dim, ("V" for _ in rows), "unit after scaling"),
            "signal_electrode": text(dim, (c.active.label for c in rows), "electrode G1"),
            "reference_electrode": text(dim, (c.reference.label for c in rows), "electrode G2"),
            "group": text(dim, (c.side for c in rows), "side, the patient's own"),
            "target_muscle": text(dim, (c.muscle for c in rows), "muscle"),
            "branch": text(dim, (own_branch(c.muscle) or "" for c in rows), "branch that supplies the muscle"),
            "placement_description": text(dim, (c.active.place for c in rows), "place of G1"),
            "device_channel": integer(dim, (c.index for c in rows), "channel number of the front-end, from 0"),
            **per_channel,
        },
        {"montage": clean(montage.name), "montage_json": canonical_json(montage_to_json(montage))},
    )


def electrodes(montage: Montage) -> Group:
    """One row per electrode."""
    dim = "electrode"
    rows = list(dict.fromkeys(e for c in montage.channels for e in (c.active, c.reference)))
    return Group(
        {
            dim: index(dim, len(rows), "row"),
            "name": text(dim, (e.label for e in rows), "electrode"),
            "placement_description": text(dim, (e.place for e in rows), "place in words"),
        }
    )


def calibration(block: Calibration) -> Group:
    """The device's calibration block: byte for byte, and decoded in SI units."""
    dim, span, rows, ranges = "amplifier_channel", "stimulator_range", block.channels, block.ranges
    return Group(
        {
            "raw": Variable(("byte",), np.frombuffer(block.raw, np.uint8).copy(), {"long_name": "block as read"}),
            dim: index(dim, len(rows), "channel number of the front-end, from 0"),
            "lsb": number(dim, (c.lsb_nv * 1e-9 for c in rows), "V", "volts per count"),
            "offset": number(dim, (c.offset_nv * 1e-9 for c in rows), "V", "offset"),
            "gain_drift": number(dim, (c.gain_ppm_per_k * 1e-6 for c in rows), "1/K", "drift of the gain"),
            "group_delay": number(dim, (c.group_delay_samples for c in rows), "1", "delay in samples"),
            "input_impedance": number(dim, (c.input_kohm * 1e3 for c in rows), "Ohm", "input impedance"),
            span: index(span, len(ranges), "range of the stimulator"),
            "range_step": number(span, (r.ua_per_lsb * 1e-6 for r in ranges), "A", "current per step"),
            "range_offset": number(span, (r.offset_ua * 1e-6 for r in ranges), "A", "offset of the current"),
            "range_hard_limit": number(span, (r.hard_limit_ua * 1e-6 for r in ranges), "A", "hard limit"),
            "range_delay": number(span, (r.trigger_to_output_ns * 1e-9 for r in ranges), "s", "trigger to output"),
        },
        {
            "serial": clean(block.serial),
            "version": np.int64(block.version),
            "unix_time": np.int64(block.unix_time),
            "valid": np.int8(block.valid),
            "calibration_json": canonical_json(calibration_to_json(block)),
        },
    )


def protocol(header: Mapping[str, Any]) -> Group:
    """The protocol as it was read."""
    given = header.get("protocol")
    given = given if isinstance(given, Mapping) else {"name": given or ""}
    # Texts of included files are in the header, config_json.
    plain = {key: value for key, value in given.items() if key != "text" and not isinstance(value, Mapping)}
    attrs = {key: clean(str(value)) for key, value in plain.items() if key.isidentifier()}
    return Group({"text": scalar_text(str(given.get("text", "")), "source of the protocol, TOML")}, attrs)


def searches(found: Mapping[str, Mapping[str, Any]]) -> Group:
    """The evidence of each step's search."""
    dim = "search"
    return Group(
        {
            dim: index(dim, len(found), "row"),
            "step": text(dim, found, "step"),
            "evidence": text(dim, (compact_json(evidence) for evidence in found.values()), "evidence, JSON"),
        }
    )


def events(rows: Sequence[Event], rates: Mapping[int, float]) -> Group:
    """What happened, in order."""
    dim = "event"
    return Group(
        {
            dim: index(dim, len(rows), "row"),
            "onset": number(dim, (_seconds(e.sample, rates.get(e.stream_id)) for e in rows), "s", "time in the stream"),
            "duration": number(dim, (0.0 for _ in rows), "s", "duration"),
            "sample_index": sample_index(dim, (e.sample for e in rows), "device sample, 0 where there is none"),
            "stream_id": integer(dim, (e.stream_id for e in rows), "stream, 0 where there is none"),
            "host_time": integer(dim, (e.host_ns for e in rows), "host's monotonic clock in nanoseconds"),
            "kind": text(dim, (e.kind for e in rows), "kind"),
            "text": text(dim, (e.text for e in rows), "in words"),
            "detail": text(dim, (compact_json(e.detail) for e in rows), "in numbers, JSON"),
        }
    )


def gaps(rows: Sequence[Gap], rates: Mapping[int, float]) -> Group:
    """Samples that never arrived."""
    dim = "gap"
    rated = [(g, rates.get(g.stream_id)) for g in rows]
    return Group(
        {
            dim: index(dim, len(rows), "row"),
            "onset": number(dim, (_seconds(g.first_sample, rate) for g, rate in rated), "s", "time in the stream"),
            "duration": number(dim, (_seconds(g.missing, rate) for g, rate in rated), "s", "duration"),
            "sample_index": sample_index(dim, (g.first_sample for g in rows), "first device sample that is missing"),
            "missing": integer(dim, (g.missing for g in rows), "number of samples missing"),
            "stream_id": integer(dim, (g.stream_id for g in rows), "stream"),
            "kind": text(dim, ("gap" for _ in rows), "kind"),
            "text": text(dim, (g.cause for g in rows), "cause"),
        }
    )


def impedance(rows: Sequence[Mapping[str, Any]]) -> Group:
    """Electrode impedances: every key as a column in SI units, and each row as it came."""
    dim = "reading"
    variables = {dim: index(dim, len(rows), "row")}
    for key in dict.fromkeys(key for row in rows for key in row if key.isidentifier()):
        name, variable = _reading(dim, key, [row.get(key) for row in rows])
        if name not in variables and name != "row":
            variables[name] = variable
    variables["row"] = text(dim, (compact_json(row) for row in rows), "the reading as it came, JSON")
    return Group(variables)


def audit() -> Group:
    """The audit trail at sealing time: empty; what comes later lies in the edits file beside the exam file."""
    dim = "record"
    words = {"time": "UTC", "actor": "who", "action": "what", "text": "in words", "previous_sha256": "chain"}
    columns = {name: text(dim, (), long_name) for name, long_name in words.items()}
    return Group({dim: index(dim, 0, "row"), **columns})


def _seconds(samples: int, rate_hz: float | None) -> float:
    return samples / rate_hz if rate_hz else float("nan")


def _scaled(value: float | None, factor: float) -> float:
    try:
        return np.nan if value is None else float(value) * factor
    except OverflowError:
        return np.nan


def _reading(dim: str, key: str, values: list[Any]) -> tuple[str, Variable]:
    if all(isinstance(value, bool) for value in values):
        return key, flag(dim, values, key)
    if all(value is None or isinstance(value, bool | int | float) for value in values):
        suffix = next((known for known in _SI if key.endswith(known)), "")
        unit, factor = _SI.get(suffix, ("1", 1.0))
        name = key.removesuffix(suffix)
        return name, number(dim, (_scaled(value, factor) for value in values), unit, key)
    listed = (value if isinstance(value, str) else "" if value is None else compact_json(value) for value in values)
    return key, text(dim, listed, key)
