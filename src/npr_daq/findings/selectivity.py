"""Do the muscles answer that the stimulated branch supplies: swapped channels or a wrong branch bar a whole site."""

from dataclasses import replace

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_daq.findings.gates import Verdict
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.rows import NOT_ELICITED
from npr_daq.findings.site import Answer, Site
from npr_daq.findings.spread import Sites, own_early_mv
from npr_daq.findings.undetected import DETECTION_PART, USUAL_MV

ANOTHER = "another muscle answers more: channels swapped or wrong branch?"
WHOLE_PERCENT = 100.0
"""More spread than the muscle's own response is none."""
WHOLE_PART = 0.25
"""Of the strongest supplied muscle: less may outdo a muscle that has lost its own nerve, by what spreads to it."""


def selective(sites: Sites, parameters: Parameters) -> dict[tuple[Side, Branch], Site]:
    """The sites, those in doubt with every answer failed and `foreign` saying why.

    In doubt is a branch where a muscle that it does not supply repeats a larger early response than every supplied
    one, or one of more than its own whole response and a quarter of the strongest supplied one. The trunk supplies
    every muscle and cannot be judged.
    """
    return {key: _judged(sites, site, parameters) for key, site in sites.items()}


def _judged(sites: Sites, site: Site, parameters: Parameters) -> Site:
    if site.site is Branch.TRUNK or site.word is not None or site.series.count < parameters.min_sweeps:
        return site
    strongest = max((float(site.early_mv[a.row]) for a in site.answers), default=None)
    if strongest is None:
        return site
    for muscle in FACIAL_MUSCLES:
        row = site.series.row(muscle)
        if muscle in SUPPLIES[site.site] or row is None or not site.responses[row].elicited:
            continue
        early = float(site.early_mv[row])
        own = own_early_mv(sites, site.side, muscle)
        whole = own is not None and early > WHOLE_PERCENT / 100.0 * own and early > WHOLE_PART * strongest
        if early > strongest or whole:
            return _doubted(sites, site, muscle, early, strongest)
    return site


def _doubted(sites: Sites, site: Site, muscle: Muscle, early_mv: float, strongest_mv: float) -> Site:
    name = str(muscle).replace("_", " ")
    said = f"{name} answers {early_mv:.2g} mV, the muscles of this branch {strongest_mv:.2g} mV at most: "
    answers = tuple(_failed(sites, site, answer, early_mv) for answer in site.answers)
    if answers == site.answers:
        return site
    return replace(site, foreign=said + ANOTHER.partition(": ")[2], answers=answers)


def _failed(sites: Sites, site: Site, answer: Answer, early_mv: float) -> Answer:
    """The answer barred; where nothing was elicited, only if what answers elsewhere could be this muscle's response."""
    failures = answer.verdict.failures
    if answer.response is not None and not answer.response.elicited:
        other = sites.get((site.side.other, site.site))
        twin = other.answer(answer.muscle) if other is not None else None
        size = twin.response.peak_to_peak_mv if twin and twin.response and twin.response.elicited else USUAL_MV
        if early_mv <= DETECTION_PART * size:
            return answer
        failures = tuple(f for f in failures if not f.startswith(NOT_ELICITED))
    verdict = answer.verdict
    return replace(answer, verdict=Verdict((ANOTHER, *failures), verdict.latency, verdict.notes))
