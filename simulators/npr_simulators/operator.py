"""The simulated operator: does at the control endpoint what hands and voice do in the clinic."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from npr_daq.anatomy import Muscle, Side
from npr_daq.device.contracts import Clock
from npr_daq.errors import NprError
from npr_daq.operator import Answer, AnswerKind, Notice, Prompt, PromptKind
from npr_simulators.control import ControlClient

LOOSE = "loose electrode:"
"""With these words begins the flaw of a repetition that a hand can mend; side and muscle follow."""


class SimulatedOperator:
    """Stands for the person at the bench for one exam; make a new one for the next.

    It places the stimulator and accepts a concordant series. Once per site it redoes a series that is discordant, or
    for which the prompt has a mend that hands can do (move the cathode back, press an electrode on), and does that
    first. After shocks that were no evidence it tries once more, once per site, and skips the site with the reason if
    that is in vain. Any other pause (a trip, refused shocks) it resumes once in an exam; a second one or a latched
    fault stops the exam. After every shock it listens to the patient: where she asks to stop, it gives no further
    shock at that site.

    It says every cue of a movement to the patient, presses on the electrode that a bad repetition names, and has a
    movement of which repetitions are missing made once more. On a clock that it grants itself (lock-step) a cue lies
    at the sample that the engine named, so that the same exam is the same to the last count.
    """

    name = "simulated"

    def __init__(self, client: ControlClient, clock: Clock | None = None) -> None:
        self._client = client
        self.clock = clock
        self.resumed = 0
        self._tried: set[tuple[object, object, str]] = set()
        self._redone: set[tuple[object, object, str]] = set()
        self._hold: dict[tuple[object, object], dict[str, float]] = {}
        self._pressed: Answer | None = None
        self._score: float | None = None

    def ask(self, prompt: Prompt) -> Answer:
        """Do what is asked and answer; stops the exam where no allowed answer would be honest."""
        answer = self._answer(prompt)
        if answer.kind in prompt.choices or answer.kind is AnswerKind.STOP:
            return answer
        return Answer(AnswerKind.STOP, f"the simulated operator has no answer to {prompt.kind}")

    def _answer(self, prompt: Prompt) -> Answer:
        match prompt.kind:
            case PromptKind.PLACE:
                if prompt.side is None or prompt.site is None:
                    return Answer(AnswerKind.STOP, "the prompt names no place")
                hold = self._hold.get((prompt.side, prompt.site), {})
                self._client.call("place", side=prompt.side.value, site=prompt.site.value, **hold)
                return Answer(AnswerKind.DONE)
            case PromptKind.RELAX:
                self._client.call("cue", task="rest", effort=0.0)
                return Answer(AnswerKind.DONE)
            case PromptKind.MOVE:
                return Answer(AnswerKind.DONE)
            case PromptKind.CONFIRM_CURRENT:
                said = "" if self._score is None else f", {_rated(self._score)}"
                return Answer(AnswerKind.CONFIRM, f"the simulated patient tolerates the current{said}")
            case PromptKind.CONFIRM_TRAIN:
                return Answer(AnswerKind.CONFIRM, "the simulated operator gives the train")
            case PromptKind.JUDGE:
                return self._judge(prompt)
            case PromptKind.PAUSED:
                return self._paused(prompt)
            case PromptKind.LATCHED:
                return Answer(AnswerKind.STOP, "the device's fault is latched")

    def _paused(self, prompt: Prompt) -> Answer:
        site = (prompt.side, prompt.site, prompt.step)
        if prompt.detail.get("why") == "evidence" and AnswerKind.SKIP in prompt.choices:
            if site in self._tried:
                return Answer(AnswerKind.SKIP, f"tried again in vain: {prompt.detail['reason']}")
            self._tried.add(site)
            return Answer(AnswerKind.RESUME, "tried once more at this site by the simulated operator")
        if self.resumed:
            return Answer(AnswerKind.STOP, "paused a second time")
        self.resumed += 1
        return Answer(AnswerKind.RESUME, "resumed once by the simulated operator")

    def _judge(self, prompt: Prompt) -> Answer:
        series = (prompt.side, prompt.site, prompt.step)
        if series in self._redone or AnswerKind.REDO not in prompt.choices:
            return Answer(AnswerKind.ACCEPT)
        for advice in prompt.detail.get("mend", ()):
            if self._mends(prompt, advice):
                self._redone.add(series)
                return Answer(AnswerKind.REDO, f"{advice['seen']}; {advice['mend']}")
        if prompt.detail.get("concordant") is False:
            self._redone.add(series)
            moved = prompt.detail.get("kind") == "movement"
            return Answer(AnswerKind.REDO, _missing(prompt.detail) if moved else "the series is not concordant")
        return Answer(AnswerKind.ACCEPT)

    def _mends(self, prompt: Prompt, advice: Mapping[str, Any]) -> bool:
        """Follow a mend that hands can do: hold the stimulator otherwise from now on here, or press an electrode on."""
        act = dict(advice.get("act") or {})
        match act.pop("do", None):
            case "place":
                self._hold.setdefault((prompt.side, prompt.site), {}).update(act)
                return True
            case "fix" if prompt.side is not None and advice.get("muscle"):
                self._client.call("electrode", side=prompt.side.value, muscle=advice["muscle"], action="fix")
                return True
        return False

    def tell(self, notice: Notice) -> None:
        """Listen after a sweep and a repetition, say a cue, press on what is loose; never raises."""
        # A simulator that has gone is reported by its line, a cue that it refuses becomes a repetition without a burst,
        # and news or answers that make no sense must not end an exam.
        with suppress(NprError, TypeError, ValueError, AttributeError):
            match notice.kind:
                case "sweep":
                    self._listen()
                case "cue":
                    self._say(notice.detail)
                case "repetition":
                    for side, muscle in _loose(notice.detail.get("flaws")):
                        self._client.call("electrode", side=side.value, muscle=muscle.value, action="fix")
                    self._listen()

    def _say(self, cue: Mapping[str, Any]) -> None:
        """Let the patient move: at the engine's own sample where device time is granted, else now."""
        exact = {"sample": int(cue["sample"])} if self._grants and cue.get("sample") is not None else {}
        self._client.call("cue", task=cue.get("task"), effort=1.0, seconds=cue.get("hold_s"), **exact)

    @property
    def _grants(self) -> bool:
        return self.clock is not None and not self.clock.wall

    def _listen(self) -> None:
        for words in self._client.call("voice").get("said", ()):
            self._hear(words)

    def _hear(self, words: Mapping[str, Any]) -> None:
        score = words.get("score")
        self._score = float(score) if isinstance(score, int | float) else self._score
        if words.get("said") == "stop":
            rated = "" if self._score is None else f", {_rated(self._score)}"
            self._pressed = Answer(AnswerKind.ENOUGH, f"the patient asked to stop{rated}")

    def interrupt(self) -> Answer | None:
        """ENOUGH once after the patient has asked to stop."""
        pressed, self._pressed = self._pressed, None
        return pressed


def _loose(flaws: object) -> list[tuple[Side, Muscle]]:
    """Electrodes that are named as `loose electrode: left orbicularis oculi`."""
    named = [
        flaw.removeprefix(LOOSE).strip().partition(" ")
        for flaw in (flaws if isinstance(flaws, list | tuple) else ())
        if isinstance(flaw, str) and flaw.startswith(LOOSE)
    ]
    found = []
    for side, _, muscle in named:
        with suppress(ValueError):
            found.append((Side(side), Muscle(muscle.replace(" ", "_"))))
    return found


def _missing(detail: Mapping[str, Any]) -> str:
    return f"{detail.get('good', 0)} good repetitions of {detail.get('wanted', 0)}"


def _rated(score: float) -> str:
    return f"discomfort {score:.0f} of 10"
