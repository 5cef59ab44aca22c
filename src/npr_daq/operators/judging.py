"""What the terminal shows and asks when a series is judged: numbers, doubts, words, reasons."""

from collections.abc import Mapping
from typing import Any

from npr_daq.operator import AnswerKind, Prompt, PromptKind

NUMBERS: Mapping[str, tuple[str, str]] = {
    "peak_to_peak_mv": ("peak to peak", "{:.2f} mV"),
    "negative_peak_mv": ("negative peak", "{:.2f} mV"),
    "onset_latency_ms": ("onset", "{:.2f} ms"),
    "growth_percent": ("growth", "{:.0f} %"),
    "snr": ("SNR", "{:.0f}"),
}
"""The numbers of a prompt's detail that are worth a glance, in the order in which they are read."""

REPEATS = 2
"""So many accepted sweeps with a response: it is there, and no lone peak of noise."""

PATIENT_STOPPED = "the patient asked to stop"
NOT_PLACED = "the stimulator cannot be placed"
HIDDEN = "artefact hides the response"
OTHER = "other"

MARKED = "marked by the technician"
TASK_ENDED = "ended by the technician"
TIRED = "the patient is tired"
PAIN = "pain"
FACE_REASONS: Mapping[str, tuple[str, ...]] = {
    "rest": ("the face does not come to rest", TIRED, PAIN, OTHER),
    "movement": ("the patient cannot make this movement", TIRED, PAIN, OTHER),
}
"""Why a rest or a movement is left out, by the kind of the step."""

WORDS: Mapping[PromptKind, Mapping[AnswerKind, str]] = {
    PromptKind.RELAX: {AnswerKind.DONE: "start", AnswerKind.SKIP: "skip the rest"},
    PromptKind.MOVE: {AnswerKind.DONE: "start", AnswerKind.SKIP: "skip this movement"},
}
_OF_A_MOVEMENT = {AnswerKind.REDO: "make again", AnswerKind.SKIP: "skip this movement"}


def words_for(kind: AnswerKind, prompt: Prompt) -> str:
    """What the answer `kind` means here, beside its key."""
    words = WORDS.get(prompt.kind, {})
    if prompt.kind is PromptKind.JUDGE and prompt.detail.get("kind") == "movement":
        words = _OF_A_MOVEMENT
    return words.get(kind, kind.replace("_", " "))


def time_line(prompt: Prompt) -> str:
    """`about 9 min of recording to go` before rest and movements, else ""."""
    left_s = prompt.detail.get("time_left_s")
    if prompt.kind not in (PromptKind.RELAX, PromptKind.MOVE) or not isinstance(left_s, int | float):
        return ""
    return f"about {max(1, round(left_s / 60))} min of recording to go"


def numbers_line(detail: Mapping[str, Any], text: str) -> str:
    """`nasalis: peak to peak 2.15 mV  onset 3.13 ms`, without what `text` says already; "" where there is nothing."""
    parts = []
    for key, (words, form) in NUMBERS.items():
        value = detail.get(key)
        if isinstance(value, int | float) and (number := form.format(value)) not in text:
            parts.append(f"{words} {number}")
    if not parts:
        return ""
    muscle = str(detail.get("muscle", "")).replace("_", " ")
    heading = f"{muscle}: " if muscle else ""
    nothing = "  (no response above the noise)" if detail.get("present") == 0 else ""
    return heading + "  ".join(parts) + nothing


def repeating_response(detail: Mapping[str, Any]) -> str:
    """`nasalis 2.15 mV` where the accepted sweeps show a response that repeats, else "".

    The headline muscle where it is among them, otherwise the largest.
    """
    muscles: Mapping[str, Mapping[str, Any]] = detail.get("muscles") or {}
    found = {name: row for name, row in muscles.items() if row.get("present", 0) >= REPEATS}
    if not found:
        return ""
    sizes_mv = {name: row.get("peak_to_peak_mv") or 0.0 for name, row in found.items()}
    headline = str(detail.get("muscle", ""))
    shown = headline if headline in found else max(sizes_mv, key=lambda name: sizes_mv[name])
    return f"{shown.replace('_', ' ')} {sizes_mv[shown]:.2f} mV"


def reasons_for(kind: AnswerKind, detail: Mapping[str, Any], cap_ma: float | None) -> dict[str, str]:
    """Key and reason for leaving a site, a rest or a movement with NO_RESPONSE or SKIP; only such as can be true here.

    A prompt of rest or movements has the `kind` of its step in `detail`.
    """
    if face := FACE_REASONS.get(str(detail.get("kind", ""))):
        return {str(number): reason for number, reason in enumerate(face, 1)}
    reasons = [PATIENT_STOPPED, NOT_PLACED, HIDDEN, OTHER]
    if detail.get("why") == "evidence":
        # The site is left at a pause after shocks that were none: why, in the words of the pause.
        reasons.insert(0, str(detail["reason"]))
    current_ma = detail.get("current_ma")
    if kind is AnswerKind.NO_RESPONSE and isinstance(current_ma, int | float):
        if cap_ma is not None and current_ma >= cap_ma * (1 - 1e-9):
            reasons.insert(0, "no response at the cap")
        elif detail.get("elicited") is False:
            reasons.insert(0, f"no response up to {current_ma:g} mA")
    return {str(number): reason for number, reason in enumerate(reasons, 1)}
