"""The ladder of a reflex, pure: the lowest of a few currents that a reflex answers twice in three shocks."""

from collections.abc import Sequence
from typing import Any

from npr_daq.engine.reading import Reading
from npr_daq.engine.search import Finished, SearchSettings, Shock
from npr_daq.recording import Role

RUNG_FACTOR = 1.3
HITS, MISSES = 2, 2
"""Of three shocks at one current, two that are answered end the ladder; two that are not go on to the next."""


def next_rung(history: Sequence[Reading], settings: SearchSettings) -> Shock | Finished:
    """The shock after `history`, or the verdict.

    Promises: currents never fall and never rise above the cap; at most three valid shocks at one current; at most
    `max_shocks`, invalid ones included; an invalid shock is given again at the same current.
    """
    if len(history) >= settings.max_shocks:
        return finish_ladder(history, settings, f"the {settings.max_shocks} shocks allowed here were used")
    rungs = _rungs(history, settings)
    if not rungs:
        return Shock(settings.start_ma, Role.SEARCH, {"rule": "start", "start_ma": settings.start_ma})
    here = rungs[-1]
    if here["answered"] >= HITS:
        text = f"a reflex answered {here['answered']} of {here['shocks']} shocks"
        return finish_ladder(history, settings, text)
    current = float(here["current_ma"])
    if here["shocks"] - here["answered"] < MISSES:
        why = {"rule": "2 of 3 shocks", "answered": here["answered"], "shocks": here["shocks"]}
        return Shock(current, Role.SEARCH, why)
    if current >= settings.cap_ma * (1 - 1e-9):
        return finish_ladder(history, settings, f"no reflex up to {current:g} mA")
    raised = min(round(RUNG_FACTOR * current, 2), settings.cap_ma)
    return Shock(raised, Role.SEARCH, {"rule": f"no reflex yet: x{RUNG_FACTOR:g}", "last_ma": current})


def finish_ladder(history: Sequence[Reading], settings: SearchSettings, reason: str) -> Finished:
    """The verdict on what was seen, whoever ended the ladder; `proved` says that the reflex answered twice."""
    rungs = _rungs(history, settings)
    elicited = bool(rungs) and rungs[-1]["answered"] >= HITS
    current = float(rungs[-1]["current_ma"]) if rungs else settings.start_ma
    threshold = current if elicited else None
    evidence = {
        "proved": elicited,
        "elicited": elicited,
        "reason": reason,
        "threshold_ma": threshold,
        "current_ma": current,
        "start_ma": settings.start_ma,
        "cap_ma": settings.cap_ma,
        "shocks": len(history),
        "invalid": sum(not r.valid for r in history),
        "rungs": rungs,
    }
    return Finished(elicited, elicited, reason, current, threshold, None, evidence)


def _rungs(history: Sequence[Reading], settings: SearchSettings) -> list[dict[str, Any]]:
    """Every current that was tried, with its valid shocks and how many of them were answered."""
    rungs: list[dict[str, Any]] = []
    for reading in history:
        if not reading.valid:
            continue
        if not rungs or reading.current_ma > rungs[-1]["current_ma"]:
            rungs.append({"current_ma": reading.current_ma, "shocks": 0, "answered": 0})
        rungs[-1]["shocks"] += 1
        rungs[-1]["answered"] += any(reading.responses[m].present for m in settings.watched)
    return rungs
