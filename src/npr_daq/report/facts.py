"""The head of the report: who, what, when, with which instrument, and the settings that change the numbers."""

from collections.abc import Mapping
from typing import Any

from npr_daq.analysis import contraction
from npr_daq.analysis.crosstalk import LARGEST_COEFFICIENT_PART, SHARE_LIMIT
from npr_daq.analysis.repetitions import MASTER_TIMES_NOISE, OWN_TIMES_NOISE, SHORTEST_PLATEAU_MS
from npr_daq.analysis.verdict import LEAST_REPETITIONS, SLAVE_TIMES_NOISE
from npr_daq.findings.account import device_words
from npr_daq.findings.findings import Findings
from npr_daq.recording import Capture, Recording
from npr_daq.report import reference, words
from npr_daq.report.acute import since

Facts = list[tuple[str, str]]

NOT_ASKED = "not asked / not recorded"
"""An empty answer is no "none": nobody may read a missing question as a denied one."""

_ASKED = {
    "pacemaker_or_defibrillator": "pacemaker or defibrillator",
    "external_pacing_lead": "external pacing lead",
    "central_line": "central line",
    "implanted_stimulator": "implanted stimulator",
    "wound_infection_or_surgery": "wound, infection or recent surgery at a site",
    "pregnancy": "pregnancy",
    "epilepsy": "epilepsy",
    "anticoagulation": "anticoagulation",
}


def patient(findings: Findings, intake: Mapping[str, Any]) -> Facts:
    """Who was measured, by code, and what was said at intake; what was not asked says so."""
    days = intake.get("days_since_onset")
    toxin = intake.get("botulinum")
    temperature = intake.get("skin_temperature_c")
    return [
        ("Subject code", _said(findings.exam.get("subject"))),
        ("Age, sex", _age_and_sex(intake.get("age_years"), intake.get("sex"))),
        ("Affected side", _said(findings.exam.get("affected"))),
        ("Cause", _said(intake.get("cause"))),
        ("Since onset", "not recorded" if days is None else f"{since(days)} (day {days})"),
        ("House-Brackmann", _said(intake.get("house_brackmann"))),
        ("Sunnybrook", _said(intake.get("sunnybrook"))),
        ("SAQ", _said(intake.get("saq"), NOT_ASKED)),
        ("Botulinum toxin", f"{toxin['days_ago']} days ago: {_list(toxin['muscles'])}" if toxin else NOT_ASKED),
        ("Surgery", _said(intake.get("surgery"), NOT_ASKED)),
        ("Skin temperature", "not recorded" if temperature is None else f"{temperature:g} °C"),
        ("Consent", _consent(intake.get("consent"))),
        ("Contra-indications", _answers(intake.get("contraindications") or {})),
    ]


def setting(findings: Findings, recording: Recording) -> Facts:
    """How it was measured: device, protocol, montage, sampling, filters, software, limits."""
    header = recording.header
    device = header.get("device") or {}
    protocol = header.get("protocol") or {}
    parameters = findings.provenance.get("parameters") or {}
    rates = sorted({s.rate_hz for s in recording.sweeps})
    moved = continuous(recording)
    widths = sorted({s.stimulus.width_us for s in recording.sweeps})
    high_pass = parameters.get("high_pass_hz") or 0
    return [
        ("Date", words.date(findings.exam.get("created"))),
        (
            "Protocol",
            f"{_said(protocol.get('title') or protocol.get('name'))}, version {_said(protocol.get('version'))}",
        ),
        ("Operator", _said(header.get("operator"))),
        ("Device", f"{device_words(device)}{' (SIMULATED)' if findings.exam.get('simulated') else ''}"),
        ("Tested on hardware", _verified(findings.exam.get("verified") or {})),
        ("Montage", f"{recording.montage.name}, {len(recording.montage.channels)} channels"),
        *_movements(moved),
        *(() if moved and not rates else _stimulation(rates, widths, high_pass, parameters)),
        ("Reference set", _reference(findings)),
        ("Software", _software(findings.provenance.get("software") or {})),
    ]


def continuous(recording: Recording) -> list[Capture]:
    """The captures of rest and movements."""
    planned = {str(s["name"]) for s in recording.header.get("steps") or () if s["kind"] in ("rest", "movement")}
    return [capture for capture in recording.captures if capture.step in planned]


def _movements(captures: list[Capture]) -> Facts:
    if not captures:
        return []
    rates = ", ".join(f"{rate / 1e3:g} kHz" for rate in sorted({capture.rate_hz for capture in captures}))
    minutes = sum(capture.counts.shape[-1] / capture.rate_hz for capture in captures) / 60
    low, high = contraction.BAND_HZ
    said = (
        f"both sides at once, {rates}, {minutes:.1f} min; zero-phase band-pass {low:g}–{high:g} Hz, RMS envelope over "
        f"{contraction.WINDOW_MS:g} ms"
    )
    return [("Movements, rest", said)]


def movement_gates() -> str:
    """What a repetition and a pair have to pass, with the limits of the analysis."""
    return (
        f"≥ {LEAST_REPETITIONS} accepted repetitions; prime mover ≥ {MASTER_TIMES_NOISE:g} × noise and held "
        f"≥ {SHORTEST_PLATEAU_MS:g} ms, steadily, without gaps, saturation or another movement; own maximum "
        f"≥ {OWN_TIMES_NOISE:g} × noise for normalising; slave ≥ {SLAVE_TIMES_NOISE:g} × noise to be present; "
        f"cross-talk share ≤ {100 * SHARE_LIMIT:g} %, copy ≤ {100 * LARGEST_COEFFICIENT_PART:g} % of the power"
    )


def _stimulation(rates: list[float], widths: list[float], high_pass: float, parameters: Mapping[str, Any]) -> Facts:
    return [
        ("Sampling", f"{', '.join(f'{r / 1e3:g} kHz' for r in rates) or 'no sweeps'}, time resolution {_step(rates)}"),
        ("Pulse", f"rectangular, cathode distal, {', '.join(f'{w:g}' for w in widths) or '–'} µs"),
        (
            "Filters",
            "recorded as the front-end gives it; analysed zero-phase: low-pass 1.5 kHz for onsets, 3 kHz for "
            f"amplitudes, high-pass {'none' if not high_pass else f'{high_pass:g} Hz'}; traces unfiltered",
        ),
        ("Response window", f"{parameters.get('window_start_ms'):g}–{parameters.get('window_end_ms'):g} ms"),
    ]


def _reference(findings: Findings) -> str:
    refused = reference.refused_for_age(findings)
    return reference.set_words(findings.provenance) + (f"; refused: {refused}" if refused else "")


def _age_and_sex(age: object, sex: object) -> str:
    if age is None and sex is None:
        return "not recorded"
    return f"{'age not recorded' if age is None else f'{age} years'}, {sex or 'sex not recorded'}"


def _consent(given: object) -> str:
    return "not recorded" if given is None else "given" if given else "refused"


def _step(rates: list[float]) -> str:
    return f"{1e3 / min(rates):g} ms" if rates else "–"


def _verified(levels: Mapping[str, Any]) -> str:
    """The highest verification level in words; L4 is the level of real hardware."""
    if levels.get("L4"):
        return str(levels["L4"])
    known = "; ".join(f"{level}: {text}" for level, text in levels.items() if text)
    return f"no ({known})" if known else "no"


def _software(software: Mapping[str, Any]) -> str:
    plain = [f"{name} {value}" for name, value in software.items() if isinstance(value, str)]
    return ", ".join(plain)


def _answers(asked: Mapping[str, Any]) -> str:
    if not asked:
        return "not recorded"
    yes = [text for key, text in _ASKED.items() if asked.get(key)]
    open_ = [text for key, text in _ASKED.items() if asked.get(key) is None]
    said = f"yes: {', '.join(yes)}" if yes else "none of those asked"
    return said + (f"; not answered: {', '.join(open_)}" if open_ else "")


def _list(names: Any) -> str:
    return ", ".join(str(name).replace("_", " ") for name in names)


def _said(value: Any, otherwise: str = "not recorded") -> str:
    return otherwise if value in (None, "") else str(value)
