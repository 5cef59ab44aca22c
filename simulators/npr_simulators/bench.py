"""The instruments with one patient behind them, and what the control endpoint can do to all of them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from types import MappingProxyType
from typing import Any

from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.montage import standard_montage
from npr_daq.quoting import quoted
from npr_simulators.device import SimulatedFrontend
from npr_simulators.faults import fault_from
from npr_simulators.fields import Request, amount, number, only, word, yes_or_no
from npr_simulators.instruments import Instruments
from npr_simulators.mishaps import Mishaps
from npr_simulators.options import Options
from npr_simulators.pace import Pace
from npr_simulators.patient_face import PatientFace
from npr_simulators.person.sites import Site
from npr_simulators.truth import TruthFile, TruthSink

REST = "rest"
FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "status": ("instrument",),
        "place": ("side", "site", "offset_mm", "anterior_mm", "anode_first"),
        "cue": ("task", "effort", "seconds", "sample"),
        "electrode": ("side", "muscle", "action"),
        "run_to": ("stream_id", "sample", "instrument"),
        "press_stop": ("instrument",),
        "reset_device": ("instrument",),
        "reset_link": ("instrument",),
    }
)
"""The fields of a request beside `op`; those of a fault are checked where its script is."""
MISPLACED_MM = 30.0
CUE_S, CUE_MAX_S = 3.0, 600.0
"""How long a movement is held where nobody says it, and at most."""
CUE_BEHIND_S, CUE_AHEAD_S = 0.1, 60.0
"""How far from the newest sample a cue may lie: nothing that it changes comes sooner than 150 ms after it."""


class Bench:
    """The instruments, the face, who lets time pass, and what may go wrong; it answers control requests."""

    def __init__(
        self,
        *,
        options: Options,
        face: PatientFace,
        instruments: Instruments,
        paces: Mapping[str, Pace],
        mishaps: Mishaps,
        truth: TruthSink | None,
    ) -> None:
        self.options = options
        self.face = face
        self.instruments = instruments
        self.paces = paces
        self.mishaps = mishaps
        self.quit_asked = False
        self.resets_asked: set[str] = set()
        """Lines that are to be hung up."""
        self._truth = truth
        self._ops: dict[str, Callable[[Request], dict[str, Any]]] = {
            "hello": self._hello,
            "status": self._status,
            "place": self._place,
            "lift": self._lift,
            "cue": self._cue,
            "voice": self._voice,
            "electrode": self._electrode,
            "fault": self._fault,
            "run_to": self._run_to,
            "intake": self._intake,
            "press_stop": self._press_stop,
            "reset_device": self._reset_device,
            "reset_link": self._reset_link,
            "quit": self._quit,
        }

    def answer(self, request: Request) -> dict[str, Any]:
        """Do what a control request asks; raises UsageError that says what is allowed."""
        op = request["op"]
        if op not in self._ops:
            raise UsageError(f"no operation {quoted(op)}; known are {', '.join(self._ops)}")
        if op != "fault":
            only(request, FIELDS.get(op, ()))
        return self._ops[op](request)

    @property
    def device(self) -> SimulatedFrontend:
        """The instrument that records, or the only one: what a request means that names none."""
        return self.instruments.first

    @cached_property
    def lock_step(self) -> bool:
        """Whether device time passes only as it is granted."""
        return any(pace.lock_step for pace in self.paces.values())

    def target_ticks(self, now_s: float) -> int:
        """The device clock that may be reached now: one clock, so the furthest grant of any stream."""
        return max(self.paces[name].target_ticks(device, now_s) for name, device in self.instruments.items())

    def close(self) -> None:
        """Close the truth file; harmless twice."""
        if isinstance(self._truth, TruthFile):
            self._truth.close()

    def _hello(self, request: Request) -> dict[str, Any]:
        options = self.options
        return {
            "simulator": " ".join(self.instruments),
            "patient": self.face.name,
            "seed": options.seed,
            "speed": options.speed_text,
            "side": options.side.value,
            "visit": options.visit,
            "day": options.day,
            "pid": os.getpid(),
            "boot_id": self.device.boot_id,
            "boot_ids": {name: device.boot_id for name, device in self.instruments.items()},
            "tasks": list(self.face.tasks),
            "ops": list(self._ops),
        }

    def _status(self, request: Request) -> dict[str, Any]:
        device, placed = self._asked(request), self.face.placed
        return {
            "state": device.state.name,
            "interlocks": int(device.interlocks),
            "ticks": device.ticks,
            "ticks_hz": device.ticks_hz,
            "streaming": device.streaming,
            "stream_id": device.stream_id,
            "sample": device.samples,
            "last_stim_seq": device.stimulator.last_stim_seq,
            "delivered": self.mishaps.delivered,
            "placed": None if placed is None else [placed[0].value, placed[1].value],
            "loose": self._loose(),
            "spoiled_frames": self.mishaps.of_frames[device.kind.name].spoiled,
            "watchdog_trip": None if device.last_trip is None else asdict(device.last_trip),
        }

    def _asked(self, request: Request) -> SimulatedFrontend:
        """The instrument that a request names; raises UsageError for one that is not here."""
        name = request.get("instrument")
        if name is None:
            return self.device
        if not isinstance(name, str) or name not in self.instruments:
            raise UsageError(f"instrument {quoted(name)} is not one of {', '.join(self.instruments)}")
        return self.instruments[name]

    def _place(self, request: Request) -> dict[str, Any]:
        side, site = word(Side, request, "side"), word(Site, request, "site")
        self.face.place(
            side,
            site,
            offset_mm=amount(request, "offset_mm", MISPLACED_MM),
            anterior_mm=amount(request, "anterior_mm", MISPLACED_MM),
            anode_first=yes_or_no(request, "anode_first"),
        )
        self.instruments.skin_changed()
        return {"placed": [side.value, site.value]}

    def _lift(self, request: Request) -> dict[str, Any]:
        self.face.lift()
        self.instruments.skin_changed()
        return {"placed": None}

    def _cue(self, request: Request) -> dict[str, Any]:
        task = request.get("task")
        if task not in self.face.tasks:
            raise UsageError(f"task {quoted(task)} is not one of {', '.join(self.face.tasks)}")
        effort, seconds = amount(request, "effort", 1.0), amount(request, "seconds", CUE_MAX_S)
        device = self.device
        if not device.streaming:
            if task == REST:  # nothing would be recorded, and at rest she is
                return {"task": task}
            raise UsageError(f"no stream runs, so nobody would record {quoted(task)}; start one first")
        sample = self._cue_sample(request)
        performed = self.face.cue(
            task=str(task),
            effort=1.0 if effort is None else effort,
            seconds=CUE_S if seconds is None else seconds,
            stream_id=device.stream_id,
            sample=sample,
            rate_hz=device.rate_hz,
        )
        device.skin_changed()
        if self._truth is not None:
            self._truth.write({"boot_id": device.boot_id, **performed})
        return {"task": task, "stream_id": device.stream_id, "sample": sample}

    def _cue_sample(self, request: Request) -> int:
        """Where the cue lies: the sample that was named, the newest one otherwise; raises UsageError far from it."""
        newest, rate_hz = self.device.samples, self.device.rate_hz
        if request.get("sample") is None:
            return newest
        sample = number(request, "sample")
        away_s = (sample - newest) / rate_hz
        if -CUE_BEHIND_S <= away_s <= CUE_AHEAD_S:
            return sample
        first, last = max(0, newest - int(CUE_BEHIND_S * rate_hz)), newest + int(CUE_AHEAD_S * rate_hz)
        side = "behind" if away_s < 0 else "ahead of"
        raise UsageError(
            f"sample {sample} is {abs(away_s):.4g} s {side} the newest one, {newest}; a cue may lie {CUE_BEHIND_S:g} s "
            f"behind it to {CUE_AHEAD_S:g} s ahead: give {first} to {last}, or leave sample out for the newest"
        )

    def _voice(self, request: Request) -> dict[str, Any]:
        return {"said": [dict(words) for words in self.face.voice()]}

    def _electrode(self, request: Request) -> dict[str, Any]:
        action = request.get("action")
        if action not in ("loosen", "fix"):
            raise UsageError(f"action {quoted(action)}: an electrode can loosen or fix")
        side, muscle = word(Side, request, "side"), word(Muscle, request, "muscle")
        (self.face.loosen if action == "loosen" else self.face.fix)(side, muscle)
        self.instruments.skin_changed()
        return {"loose": self._loose()}

    def _loose(self) -> list[str]:
        names = standard_montage().names
        return sorted(names[row] for row in self.face.loose)

    def _fault(self, request: Request) -> dict[str, Any]:
        return {"waiting": self.mishaps.add(fault_from({key: request[key] for key in request if key != "op"}))}

    def _run_to(self, request: Request) -> dict[str, Any]:
        device = self._asked(request)
        stream_id, sample = number(request, "stream_id"), number(request, "sample")
        running = self.paces[device.kind.name].grant(device, stream_id, sample)
        return {"running": running, "stream_id": device.stream_id}

    def _intake(self, request: Request) -> dict[str, Any]:
        return {"intake": self.face.answers()}

    def _press_stop(self, request: Request) -> dict[str, Any]:
        device = self._handled(request)
        device.press_stop()
        return {"state": device.state.name}

    def _reset_device(self, request: Request) -> dict[str, Any]:
        device = self._handled(request)
        device.act()
        return {"state": device.state.name}

    def _handled(self, request: Request) -> SimulatedFrontend:
        """The instrument whose buttons are meant: the stimulator where none is named."""
        return self._asked(request) if "instrument" in request else self.instruments.shocker or self.device

    def _reset_link(self, request: Request) -> dict[str, Any]:
        named = [self._asked(request).kind.name] if "instrument" in request else list(self.instruments)
        self.resets_asked.update(named)
        return {}

    def _quit(self, request: Request) -> dict[str, Any]:
        self.quit_asked = True
        return {}
