"""What to do about it: for every reason that spoils a series, what was seen, the likely mend, and who can do it.

A table. The prompts show its words, findings may print them beside a failed gate (`likely`), and whoever stands for the
operator reads the act (`Advice.plain`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from types import MappingProxyType
from typing import Any

from npr_daq.engine import signs
from npr_daq.engine.effects import Effect, RecordSearch
from npr_daq.engine.reading import Reading
from npr_daq.engine.series import LATENCY_SNR
from npr_daq.engine.state import SiteProgress
from npr_daq.engine.steps import Conduction, Excitability, Reflex, SiteSeries

NOISY_UV = 15.0
"""Baseline noise of a channel from which its contact is doubted; 1 to 5 uV are usual (clinical reference 7.1)."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Mend:
    """One line: `kind`, words of a reason by which it is known (`seen`), what to do, and the act for a machine.

    An act names what a hand does: `place` with the distances that it holds to, or `electrode` to press on.
    """

    kind: str
    seen: tuple[str, ...]
    mend: str
    act: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


MENDS: tuple[Mend, ...] = (
    Mend("masseter", ("masseter",), "move the cathode back, 10 mm", {"do": "place", "anterior_mm": 0.0}),
    Mend(
        "moved",
        ("changed by", "shifted by", "fell by", "moved"),
        "put the stimulator on its mark again and hold it there",
        {"do": "place", "offset_mm": 0.0},
    ),
    Mend("hum", ("hum", "impedance", "noise of the contact"), "press the electrode on, or change it", {"do": "fix"}),
    Mend(
        "delivered",
        ("not within 10 %", "compliance"),
        "press the stimulator on; moisten its pads and the skin below them",
    ),
    Mend("clipped", ("clipped", "saturat"), "turn the anode about the cathode; then a lower gain"),
    Mend(
        "artefact", ("artefact",), "turn the anode about the cathode until the artefact is least; dry the skin between"
    ),
    Mend(
        "latency_jump",
        ("jumps ahead",),
        "look which muscle jerks; move the cathode away from it, or lower the current",
    ),
    Mend(
        "new_component",
        ("grew again",),
        "look which muscle jerks; press the cathode on over the branch, further from its neighbours",
    ),
    Mend("cap", ("cap of", "up to the cap"), "check that the cathode is distal; press it on over the nerve"),
    Mend("current", ("refused to go above", "shocks allowed"), "raise the current, if the patient bears it"),
    Mend("reflex", ("no reflex",), "feel the notch again and put the cathode on it; the eyes gently closed"),
    Mend("silent", ("no response up to",), "look for the nerve a few millimetres about the mark, cathode distal"),
    Mend("noise", ("noise hides growth", "signal to noise"), "let the face rest; press the electrodes on"),
    Mend("initial_positive", ("initial positive", "positive deflection"), "move G1 onto the belly of the muscle"),
    Mend("discordant", ("valid sweeps agree", "concordant"), "wait until the face is at rest, then once more"),
)
"""In the order in which they are tried: the first that fits is the likeliest."""

_BY_KIND = MappingProxyType({each.kind: each for each in MENDS})


@dataclass(frozen=True, slots=True)
class Advice:
    """A mend for what was seen at a site; `muscle` is the channel where it was, "" where it is none's."""

    mend: Mend
    text: str
    muscle: str = ""

    def plain(self) -> Mapping[str, Any]:
        """JSON-safe: for a prompt's detail."""
        return {
            "kind": self.mend.kind,
            "seen": self.text,
            "mend": self.mend.mend,
            "muscle": self.muscle,
            "act": dict(self.mend.act),
        }


def likely(reason: str) -> str | None:
    """The likely mend for a reason in words, of the search or of a gate; None where the table has none."""
    return next((each.mend for each in MENDS if any(words in reason for words in each.seen)), None)


def advise(step: SiteSeries, site: SiteProgress) -> tuple[Advice, ...]:
    """What is wrong with the series of this site and what may mend it, the likeliest first; empty where it is sound."""
    verdict, done = site.verdict, site.complete
    if verdict is None or done is None:
        return ()
    if isinstance(step.task, Reflex | Excitability):
        return () if verdict.proved else _by_words(verdict.reason)
    found = []
    for sign in verdict.evidence.get("signs", ()):
        # A fall on the way up is mended where the plateau was proved after it.
        mended = sign["kind"] == "moved" and verdict.proved and not sign.get("in_series")
        if sign["kind"] in _BY_KIND and not mended:
            found.append(Advice(_BY_KIND[sign["kind"]], str(sign["text"]), str(sign["muscle"])))
    found += _noisy(site.series) or _weak(site)
    if not verdict.proved and not found:
        found += _by_words(verdict.reason)
    if not done.concordant and not any(each.mend.kind == "moved" for each in found):
        found.append(Advice(_BY_KIND["discordant"], done.reason))
    order = [each.kind for each in MENDS]
    once = {(each.mend.kind, each.muscle): each for each in reversed(found)}
    return tuple(sorted(once.values(), key=lambda each: order.index(each.mend.kind)))


def said(advice: Sequence[Advice]) -> str:
    """`; likely mend: move the cathode back, 10 mm`, for the end of a sentence; "" without advice."""
    return f"; likely mend: {advice[0].mend.mend}" if advice else ""


def noted(step: SiteSeries, site: SiteProgress) -> tuple[SiteProgress, tuple[Effect, ...]]:
    """The site, and what is to be recorded, with what moved during its series as evidence beside that of the search."""
    verdict, settings = site.verdict, site.series_settings
    if verdict is None or settings is None or not isinstance(step.task, Conduction):
        return site, ()
    sign = signs.moved_in_series(site.series, settings.headline)
    if sign is None:
        return site, ()
    evidence = {**verdict.evidence, "signs": [*verdict.evidence.get("signs", ()), {**sign.plain(), "in_series": True}]}
    return replace(site, verdict=replace(verdict, evidence=evidence)), (RecordSearch(step.name, evidence),)


def _by_words(reason: str) -> tuple[Advice, ...]:
    found = next((each for each in MENDS if any(words in reason for words in each.seen)), None)
    return () if found is None else (Advice(found, reason),)


def _weak(site: SiteProgress) -> list[Advice]:
    """A response too small above its noise for a latency (clinical reference 6.5)."""
    assert site.series_settings is not None
    headline = site.series_settings.headline
    seen = [r.responses[headline] for r in site.series if r.valid and headline in r.responses]
    snr = median(answer.snr for answer in seen) if any(answer.present for answer in seen) else LATENCY_SNR
    if snr >= LATENCY_SNR:
        return []
    text = f"{headline}: signal to noise {snr:.1f}, a latency needs {LATENCY_SNR:g}"
    return [Advice(_BY_KIND["noise"], text, str(headline))]


def _noisy(series: Sequence[Reading]) -> list[Advice]:
    good = [r for r in series if r.valid]
    found = []
    for muscle in good[0].responses if good else ():
        noise = median(r.responses[muscle].noise_uv for r in good)
        if noise >= NOISY_UV:
            found.append(Advice(_BY_KIND["hum"], f"{muscle}: noise of the contact, {noise:.0f} uV", str(muscle)))
    return found
