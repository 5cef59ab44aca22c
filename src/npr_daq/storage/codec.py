"""The vocabulary as JSON and back, exactly; journal headers, journal frames and exam files are made of it."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from npr_daq.anatomy import Muscle, Side, site_of
from npr_daq.calibration import DELAY_RATE_HZ, Calibration, ChannelCalibration, RangeCalibration
from npr_daq.device.contracts import Capabilities
from npr_daq.montage import Channel, Electrode, Montage
from npr_daq.recording import Event, Gap, PulseReport, PulseResult
from npr_daq.stimulus import Stimulus
from npr_daq.storage import fields
from npr_daq.storage.text import clean, number_to_json

Json = dict[str, Any]


def header_for(
    *,
    exam_id: str,
    subject: str,
    affected: str,
    protocol: Mapping[str, Any],
    montage: Montage,
    calibration: Calibration,
    device: Mapping[str, Any],
    simulated: bool,
    software: Mapping[str, str],
    created: str,
    **more: Any,
) -> Json:
    """The header of a journal: what must be there, and whatever else the session knows (`intake`, `limits`, ...).

    `exam_id` is a UUID as text, `protocol` has at least `name` and `text`, `device` is `capabilities_to_json` with
    what the session adds, `created` is UTC in ISO 8601.
    """
    return {
        "exam_id": exam_id,
        "subject": subject,
        "affected": affected,
        "protocol": dict(protocol),
        "device": dict(device),
        "simulated": simulated,
        "montage": montage_to_json(montage),
        "calibration": calibration_to_json(calibration),
        "software": dict(software),
        "created": created,
        **more,
    }


def montage_to_json(montage: Montage) -> Json:
    """A montage: its name and its channels in recording order."""
    return {
        "name": clean(montage.name),
        "channels": [
            {
                "index": c.index,
                "side": str(c.side),
                "muscle": str(c.muscle),
                "active": {"label": clean(c.active.label), "place": clean(c.active.place)},
                "reference": {"label": clean(c.reference.label), "place": clean(c.reference.place)},
            }
            for c in montage.channels
        ],
    }


def montage_from_json(data: Mapping[str, Any]) -> Montage:
    """The inverse of `montage_to_json`."""
    return Montage(
        data["name"],
        tuple(
            Channel(
                index=c["index"],
                side=Side(c["side"]),
                muscle=Muscle(c["muscle"]),
                active=Electrode(**c["active"]),
                reference=Electrode(**c["reference"]),
            )
            for c in data["channels"]
        ),
    )


def calibration_to_json(calibration: Calibration) -> Json:
    """A calibration, decoded and as the raw block (base64)."""
    return {
        "serial": clean(calibration.serial),
        "version": calibration.version,
        "unix_time": calibration.unix_time,
        "valid": calibration.valid,
        "delay_rate_hz": calibration.delay_rate_hz,
        "channels": [_exact(asdict(c)) for c in calibration.channels],
        "ranges": [_exact(asdict(r)) for r in calibration.ranges],
        "raw_base64": base64.b64encode(calibration.raw).decode("ascii"),
    }


def calibration_from_json(data: Mapping[str, Any]) -> Calibration:
    """The inverse of `calibration_to_json`."""
    return Calibration(
        serial=data["serial"],
        version=data["version"],
        unix_time=data["unix_time"],
        channels=tuple(
            ChannelCalibration(
                lsb_nv=float(c["lsb_nv"]),
                offset_nv=float(c["offset_nv"]),
                gain_ppm_per_k=float(c["gain_ppm_per_k"]),
                group_delay_samples=float(c["group_delay_samples"]),
                input_kohm=c["input_kohm"],
            )
            for c in data["channels"]
        ),
        ranges=tuple(
            RangeCalibration(
                ua_per_lsb=float(r["ua_per_lsb"]),
                offset_ua=float(r["offset_ua"]),
                hard_limit_ua=r["hard_limit_ua"],
                trigger_to_output_ns=r["trigger_to_output_ns"],
            )
            for r in data["ranges"]
        ),
        raw=base64.b64decode(data["raw_base64"], validate=True),
        valid=data["valid"],
        # Files from before the rate was kept come from devices whose highest rate was the default.
        delay_rate_hz=float(data.get("delay_rate_hz", DELAY_RATE_HZ)),
    )


def capabilities_to_json(caps: Capabilities) -> Json:
    """What a device said it is and can do; limits nested, the sync kind as its words."""
    return {
        "driver": caps.driver,
        "model": clean(caps.model),
        "serial": clean(caps.serial),
        "firmware": clean(caps.firmware),
        "simulated": caps.simulated,
        "sync": str(caps.sync),
        "sync_uncertainty_ms": number_to_json(caps.sync_uncertainty_ms),
        "channel_count": caps.channel_count,
        "rates_hz": list(caps.rates_hz),
        "can_stimulate": caps.can_stimulate,
        "device_limits": None if caps.device_limits is None else _exact(asdict(caps.device_limits)),
        "boot_id": caps.boot_id,
        "ticks_hz": caps.ticks_hz,
        "verified": dict(caps.verified),
        "bench_only": caps.bench_only,
    }


def stimulus_to_json(stimulus: Stimulus) -> Json:
    """A stimulus as asked for, in clinical units."""
    return {
        "side": str(stimulus.side),
        "site": str(stimulus.site),
        "current_ma": number_to_json(stimulus.current_ma),
        "width_us": number_to_json(stimulus.width_us),
    }


def stimulus_from_json(data: Mapping[str, Any]) -> Stimulus:
    """The inverse of `stimulus_to_json`."""
    return Stimulus(
        Side(data["side"]), site_of(data["site"]), fields.finite(data, "current_ma"), fields.finite(data, "width_us")
    )


def report_to_json(report: PulseReport) -> Json:
    """A device's report of one pulse, in clinical units."""
    return _exact(asdict(report)) | {"result": str(report.result)}


def report_from_json(data: Mapping[str, Any]) -> PulseReport:
    """The inverse of `report_to_json`."""
    floats = ("subsample", "commanded_ma", "measured_ma", "width_us", "charge_uc", "compliance_v", "load_ohm")
    return PulseReport(
        stim_seq=fields.whole(data, "stim_seq"),
        pulse=fields.whole(data, "pulse"),
        onset_sample=fields.sample(data, "onset_sample"),
        result=PulseResult(data["result"]),
        **{name: float(data[name]) for name in floats},
    )


def event_to_json(event: Event) -> Json:
    """An event; `detail` must be JSON-safe."""
    return {
        "kind": clean(event.kind),
        "text": clean(event.text),
        "stream_id": event.stream_id,
        "sample": event.sample,
        "host_ns": event.host_ns,
        "detail": dict(event.detail),
    }


def event_from_json(data: Mapping[str, Any]) -> Event:
    """The inverse of `event_to_json`."""
    return Event(
        fields.words(data, "kind"),
        fields.words(data, "text"),
        stream_id=fields.whole(data, "stream_id"),
        sample=fields.sample(data, "sample"),
        host_ns=fields.whole(data, "host_ns"),
        detail=fields.mapping(data, "detail"),
    )


def gap_to_json(gap: Gap) -> Json:
    """Samples that never arrived."""
    return {
        "stream_id": gap.stream_id,
        "first_sample": gap.first_sample,
        "missing": gap.missing,
        "cause": clean(gap.cause),
    }


def gap_from_json(data: Mapping[str, Any]) -> Gap:
    """The inverse of `gap_to_json`."""
    return Gap(
        fields.whole(data, "stream_id"),
        fields.sample(data, "first_sample"),
        fields.count(data, "missing"),
        fields.words(data, "cause"),
    )


def _exact(values: Mapping[str, Any]) -> Json:
    return {name: number_to_json(value) if isinstance(value, float) else value for name, value in values.items()}
