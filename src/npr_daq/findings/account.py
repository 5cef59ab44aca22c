"""The account beside the measurements: what exam it was, the dose, the quality of the recording, the provenance."""

import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from math import inf, isfinite
from typing import Any

import npr_daq
from npr_daq.analysis import definitions, hinge
from npr_daq.findings.continuous import continuous_captures
from npr_daq.findings.cpu import cpu_class
from npr_daq.findings.movements import Moved
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.rows import DoseRow
from npr_daq.findings.site import Site
from npr_daq.findings.table import TableView, plain
from npr_daq.recording import PulseReport, PulseResult, Recording
from npr_daq.stimulus import SKIN_OHM, DoseLedger, Stimulus
from npr_daq.storage import recovery
from npr_daq.storage.codec import report_from_json, stimulus_from_json

Json = dict[str, Any]

ADULT_YEARS = 16
"""Adult limits are refused below this age (clinical reference 3) [proposal]."""
TOXIN_DAYS = 183
"""Warn of botulinum toxin given within six months (clinical reference 6.6)."""

_TOLD = (
    recovery.INTENT_WITHOUT_OUTCOME,
    recovery.OUTCOME_UNKNOWN,
    recovery.SHOCK_WITHOUT_SWEEP,
    recovery.CAPTURE_INCOMPLETE,
    recovery.SAMPLES_WITHOUT_CAPTURE,
    recovery.UNREADABLE_ENTRY,
    "skipped",
    "enough",
    "enough before the break",
    "stop",
    "stop before the break",
    "fault",
    "fault before the break",
    "unconfirmed",
    "resumed exam",
)
"""Events that are told one by one, those of recovery and those of the engine."""

_COUNTED = {
    recovery.STIMULUS_REFUSED: "stimuli refused and not delivered",
    "trip": "trips of the interlock or watchdog, after which the run went on only by the operator",
    "latched": "latched faults of the device",
    "paused": "pauses",
    "device overflow": "overflows in the device",
    "device garbage": "reports of damaged bytes on the line",
    "device lost": "losses of the line",
}
"""Kinds of event that are told as a number, and in which words."""


def exam_of(recording: Recording) -> Json:
    """What and who: code of the subject, protocol, device in words, whether simulated, verification levels."""
    header = recording.header
    device = header.get("device") or {}
    protocol = header.get("protocol") or {}
    return {
        "id": header.get("exam_id"),
        "subject": header.get("subject"),
        "affected": header.get("affected"),
        "protocol": protocol.get("name") if isinstance(protocol, Mapping) else protocol,
        "device": device_words(device),
        "simulated": bool(header.get("simulated") or device.get("simulated")),
        "verified": plain(device.get("verified") or {}),
        "created": header.get("created"),
    }


def device_words(device: Mapping[str, Any]) -> str:
    """A device as model, serial number, firmware and driver."""
    parts = [str(device.get("model") or "unknown device")]
    parts += [f"{key} {device[key]}" for key in ("serial", "firmware") if device.get(key)]
    if device.get("driver"):
        parts.append(f"driver {device['driver']}")
    return ", ".join(parts)


def provenance(recording: Recording, parameters: Parameters, raw_sha256: str | None) -> Json:
    """What computed these numbers, with what, from which raw data."""
    recorded = recording.header.get("software") or {}
    return {
        "software": {
            "npr-daq": npr_daq.__version__,
            "python": platform.python_version(),
            "cpu": cpu_class(),
            **{name: _version(name) for name in ("numpy", "scipy")},
            "recorded_with": plain(recorded),
        },
        "parameters": parameters.to_dict(),
        "definitions": {"onset_latency_ms": hinge.DEFINITION, **definitions.NAMES, **_of_movements(recording)},
        "raw_sha256": raw_sha256,
    }


def _of_movements(recording: Recording) -> dict[str, str]:
    """By which definition movements were compared; nothing where none were recorded."""
    if not continuous_captures(recording):
        return {}
    from npr_daq.analysis import synkinesis

    return {"synkinesis": f"Synkinetic Correlation Test, version {synkinesis.VERSION} (clinical reference 5.3, 5.4)"}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def dose(recording: Recording) -> TableView[DoseRow]:
    """What every site has had, from the device's reports of delivered pulses, sites in the order of use.

    By the width that the device reports, where it does; a pulse that was aborted before any current is none.
    """
    ledger = DoseLedger()
    for stimulus, report in _delivered(recording):
        if report.result is PulseResult.ABORTED and not report.measured_ma:
            continue
        if not isfinite(report.measured_ma):
            # What flowed is not known; the warnings say so.
            continue
        usable = isfinite(report.load_ohm) and report.load_ohm > 0
        given = replace(stimulus, width_us=report.width_us) if 0 < report.width_us < inf else stimulus
        ledger.add(given, abs(report.measured_ma), load_ohm=report.load_ohm if usable else SKIN_OHM)
    rows = [
        DoseRow(
            side=str(d.side),
            site=str(d.site),
            pulses=d.pulses,
            charge_uc=d.charge_uc,
            peak_ma=d.peak_ma,
            energy_mj=d.energy_mj,
            requested_vs_delivered=d.requested_vs_delivered if isfinite(d.requested_vs_delivered) else None,
        )
        for d in ledger.totals()
    ]
    return TableView(DoseRow, rows)


def _unmeasured(recording: Recording) -> list[str]:
    """Pulses whose current the device did not report as a number: the dose of their site lacks them."""
    lost = Counter(
        (stimulus.side, stimulus.site) for stimulus, report in _delivered(recording) if not isfinite(report.measured_ma)
    )
    return [
        f"{side} {site}: the dose lacks {n} {'pulse' if n == 1 else 'pulses'}, whose current the device did not report"
        for (side, site), n in lost.items()
    ]


def _delivered(recording: Recording) -> Iterator[tuple[Stimulus, PulseReport]]:
    """Every pulse that the device reported as delivered, also where its sweep was never stored."""
    for sweep in recording.sweeps:
        yield sweep.stimulus, sweep.report
    for event in recording.events:
        intent, report = event.detail.get("intent"), event.detail.get("report")
        if event.kind == recovery.SHOCK_WITHOUT_SWEEP and intent and report:
            yield stimulus_from_json(intent["stimulus"]), report_from_json(report)


def quality(recording: Recording, sites: Mapping[Any, Site], moved: Moved) -> Json:
    """Gaps, clipped channels, impedances, and in words everything a reader of the numbers should know.

    `continuous`: how long every recording of rest and movements is, and how much of it is missing.
    """
    clipped = Counter(name for sweep in recording.sweeps for name in sweep.clipped)
    return {
        "gaps": [
            {"stream_id": g.stream_id, "first_sample": g.first_sample, "missing": g.missing, "cause": g.cause}
            for g in recording.gaps
        ],
        "clipped": [{"channel": name, "sweeps": number} for name, number in sorted(clipped.items())],
        "impedances": plain([dict(row) for row in recording.impedances]),
        "continuous": plain(list(moved.captures)),
        "warnings": [
            *_history(recording),
            *_sweeps(recording),
            *_unmeasured(recording),
            *_patient(recording),
            *_sites(sites),
            *moved.warnings,
        ],
    }


def _history(recording: Recording) -> list[str]:
    found = []
    if recording.recovered:
        lost = recording.dropped_tail_bytes
        found.append(f"recovered from a journal that had no clean end; {lost} damaged bytes at its tail were dropped")
    if not recording.calibration.valid:
        found.append("the device's calibration block is damaged: values are not calibrated")
    found += [event.text for event in recording.events if event.kind in _TOLD]
    kinds = Counter(event.kind for event in recording.events)
    found += [f"{kinds[kind]} {text}" for kind, text in _COUNTED.items() if kinds[kind]]
    return found


def _sweeps(recording: Recording) -> list[str]:
    found = []
    for reason, number in Counter(r for s in recording.sweeps for r in s.reject_reasons).items():
        found.append(f"{number} {'sweep' if number == 1 else 'sweeps'} not used: {reason}")
    for sweep in recording.sweeps:
        if sweep.report.result is not PulseResult.OK:
            found.append(
                f"shock {sweep.n} at {sweep.stimulus.side} {sweep.stimulus.site}: the device reports "
                f"{sweep.report.result} ({sweep.report.measured_ma:.3g} of {sweep.stimulus.current_ma:.3g} mA)"
            )
    return found


def _patient(recording: Recording) -> list[str]:
    intake = recording.header.get("intake") or {}
    found = []
    # Two gates of the clinical reference 6.5 that hold for the exam as a whole; they are told once.
    if recording.sweeps and intake.get("skin_temperature_c") is None:
        found.append("skin temperature not logged: latencies are measured, not acceptable (0.2 ms per degree)")
    if recording.sweeps and not recording.header.get("operator"):
        found.append("operator not named: all values are measured, not acceptable")
    age = intake.get("age_years")
    if age is not None and age < ADULT_YEARS:
        found.append(f"age below {ADULT_YEARS} years: adult reference limits do not apply")
    toxin = intake.get("botulinum")
    if toxin and toxin["days_ago"] < TOXIN_DAYS:
        muscles = ", ".join(str(m).replace("_", " ") for m in toxin["muscles"])
        found.append(
            f"botulinum toxin {toxin['days_ago']} days ago ({muscles}): amplitudes may be lowered, on either side"
        )
    return found


def _sites(sites: Mapping[Any, Site]) -> list[str]:
    found = []
    for site in sites.values():
        for why, number in site.series.set_aside.items():
            found.append(f"{site.side} {site.site}: {number} accepted sweeps not used: {why}")
        if site.foreign is not None:
            found.append(f"{site.side} {site.site}: {site.foreign}")
        if site.word is not None and any(r.elicited for r in site.responses):
            found.append(f"{site.side} {site.site}: no response by the operator's word, yet the sweeps repeat one")
        for answer in site.answers:
            contradiction = answer.supramaximal.evidence.get("contradiction")
            if contradiction:
                found.append(f"{site.side} {site.site} {answer.muscle}: {contradiction}")
    return found
