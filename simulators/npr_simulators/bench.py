"""One device with one patient behind it, and what the control endpoint can do to both."""

import math
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.montage import standard_montage
from npr_daq.quoting import quoted
from npr_simulators.device import SimulatedFrontend
from npr_simulators.face import Face, load_patient
from npr_simulators.fault_file import read_faults
from npr_simulators.faults import Fault, FaultScript, FrameFaults, fault_from
from npr_simulators.options import Options
from npr_simulators.outbox import Outgoing
from npr_simulators.pace import LockStep, Pace, WallPace
from npr_simulators.patient_face import PatientFace
from npr_simulators.person.sites import Site
from npr_simulators.truth import TruthFile

Request = Mapping[str, Any]
FAR_TICKS = 1 << 62
REST = "rest"
MISPLACED_MM = 30.0
CUE_S, CUE_MAX_S = 3.0, 600.0
"""How long a movement is held where nobody says it, and at most."""


class Bench:
    """The device, the face, who lets time pass, and the faults that wait."""

    def __init__(
        self,
        *,
        options: Options,
        face: PatientFace,
        device: SimulatedFrontend,
        pace: Pace,
        script: FaultScript,
        truth: TruthFile | None,
    ) -> None:
        self.options = options
        self.face = face
        self.device = device
        self.pace = pace
        self.frame_faults = FrameFaults()
        self.quit_asked = False
        self.link_reset_asked = False
        self._script = script
        self._truth = truth
        self._delivered = 0
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
        return self._ops[op](request)

    def due_by_time(self) -> list[Fault]:
        """Faults whose second of device time has come, and those that were asked for at once."""
        return self._script.due_at(self.device.ticks / self.device.ticks_hz)

    def due_by_stimulus(self) -> list[Fault]:
        """Faults whose stimulus was delivered since the last call, but those of frames: see `spoiled`."""
        numbers = self.device.delivered[:]
        self.device.delivered.clear()
        self._delivered += len(numbers)
        return self._script.due_with(numbers) if numbers else []

    def spoiled(self, frame: Outgoing) -> bytes:
        """What leaves the device in place of `frame`; a fault at a stimulus strikes the frame with its marker."""
        if frame.stimuli:
            for fault in self._script.due_in_frame(frame.stimuli):
                self.frame_faults.add(fault)
        return self.frame_faults.apply(frame.wire)

    def next_fault_ticks(self) -> int:
        """The device clock at which the next fault by time is due; far away when none waits."""
        seconds = self._script.next_s()
        return FAR_TICKS if math.isinf(seconds) else math.ceil(seconds * self.device.ticks_hz)

    def strike(self, fault: Fault) -> None:
        """Let a fault of the skin or of the frames happen."""
        if fault.layer == "frame":
            self.frame_faults.add(fault)
        elif fault.side is not None and fault.muscle is not None:
            self._move_electrode(fault.side, fault.muscle, fault.what)

    def close(self) -> None:
        """Close the truth file; harmless twice."""
        if self._truth is not None:
            self._truth.close()

    def _hello(self, request: Request) -> dict[str, Any]:
        options = self.options
        return {
            "simulator": "frontend",
            "patient": self.face.header()["patient"],
            "seed": options.seed,
            "speed": options.speed_text,
            "side": options.side.value,
            "pid": os.getpid(),
            "boot_id": self.device.boot_id,
            "ops": list(self._ops),
        }

    def _status(self, request: Request) -> dict[str, Any]:
        device = self.device
        placed = self.face.placed
        return {
            "state": device.state.name,
            "interlocks": int(device.interlocks),
            "ticks": device.ticks,
            "ticks_hz": device.ticks_hz,
            "streaming": device.streaming,
            "stream_id": device.stream_id,
            "sample": device.samples,
            "last_stim_seq": device.stimulator.last_stim_seq,
            "delivered": self._delivered + len(device.delivered),
            "placed": None if placed is None else [placed[0].value, placed[1].value],
            "loose": self._loose(),
            "spoiled_frames": self.frame_faults.spoiled,
            "watchdog_trip": None if device.last_trip is None else asdict(device.last_trip),
        }

    def _place(self, request: Request) -> dict[str, Any]:
        side, site = _word(Side, request, "side"), _word(Site, request, "site")
        self.face.place(
            side,
            site,
            offset_mm=_amount(request, "offset_mm", MISPLACED_MM),
            anterior_mm=_amount(request, "anterior_mm", MISPLACED_MM),
            anode_first=_yes_or_no(request, "anode_first"),
        )
        self.device.skin_changed()
        return {"placed": [side.value, site.value]}

    def _lift(self, request: Request) -> dict[str, Any]:
        self.face.lift()
        self.device.skin_changed()
        return {"placed": None}

    def _cue(self, request: Request) -> dict[str, Any]:
        task = request.get("task")
        if task not in self.face.tasks:
            raise UsageError(f"this patient cannot {quoted(task)}; the tasks are {', '.join(self.face.tasks)}")
        device = self.device
        if not device.streaming:
            if task == REST:  # nothing would be recorded, and at rest she is
                return {"task": task}
            raise UsageError(f"no stream runs, so nobody would record {quoted(task)}; start one first")
        effort, seconds = _amount(request, "effort", 1.0), _amount(request, "seconds", CUE_MAX_S)
        performed = self.face.cue(
            task=str(task),
            effort=1.0 if effort is None else effort,
            seconds=CUE_S if seconds is None else seconds,
            stream_id=device.stream_id,
            sample=device.samples,
            rate_hz=device.rate_hz,
        )
        device.skin_changed()
        if self._truth is not None:
            self._truth.write({"boot_id": device.boot_id, **performed})
        return {"task": task, "stream_id": device.stream_id, "sample": device.samples}

    def _voice(self, request: Request) -> dict[str, Any]:
        return {"said": [dict(words) for words in self.face.voice()]}

    def _electrode(self, request: Request) -> dict[str, Any]:
        action = request.get("action")
        if action not in ("loosen", "fix"):
            raise UsageError(f"action {quoted(action)}: an electrode can loosen or fix")
        self._move_electrode(_word(Side, request, "side"), _word(Muscle, request, "muscle"), str(action))
        return {"loose": self._loose()}

    def _move_electrode(self, side: Side, muscle: Muscle, action: str) -> None:
        (self.face.loosen if action == "loosen" else self.face.fix)(side, muscle)
        self.device.skin_changed()

    def _loose(self) -> list[str]:
        names = standard_montage().names
        return sorted(names[row] for row in self.face.loose)

    def _fault(self, request: Request) -> dict[str, Any]:
        self._script.add([fault_from({key: value for key, value in request.items() if key != "op"})])
        return {"waiting": len(self._script.waiting)}

    def _run_to(self, request: Request) -> dict[str, Any]:
        stream_id, sample = _number(request, "stream_id"), _number(request, "sample")
        return {"running": self.pace.grant(self.device, stream_id, sample), "stream_id": self.device.stream_id}

    def _intake(self, request: Request) -> dict[str, Any]:
        return {"intake": self.face.answers()}

    def _press_stop(self, request: Request) -> dict[str, Any]:
        self.device.press_stop()
        return {"state": self.device.state.name}

    def _reset_device(self, request: Request) -> dict[str, Any]:
        self.device.act()
        return {"state": self.device.state.name}

    def _reset_link(self, request: Request) -> dict[str, Any]:
        self.link_reset_asked = True
        return {}

    def _quit(self, request: Request) -> dict[str, Any]:
        self.quit_asked = True
        return {}


def build_bench(options: Options, *, now_s: float) -> Bench:
    """Everything behind the line, as `options` say; raises UsageError or ProtocolFileError for what is not there."""
    face = _face(options)
    script = FaultScript(list(read_faults(options.faults)) if options.faults is not None else [])
    boot_id = secrets.randbelow(2**32 - 1) + 1
    truth = None
    if options.truth is not None:
        header = {**face.header(), "boot_id": boot_id, "plateau": face.plateau_truth()}
        truth = TruthFile(options.truth, header)
    device = SimulatedFrontend(
        face,
        seed=options.seed,
        boot_id=boot_id,
        random_u32=lambda: secrets.randbits(32),
        now_s=now_s,
        truth=truth,
        channel_names=standard_montage().names,
    )
    pace: Pace = LockStep() if options.speed is None else WallPace(now_s, options.speed)
    device.wire.drops_when_full = not pace.lock_step
    device.start()
    return Bench(options=options, face=face, device=device, pace=pace, script=script, truth=truth)


def _face(options: Options) -> PatientFace:
    """The patient behind the wires."""
    return Face(load_patient(options.patient), seed=options.seed, side=options.side)


def _word(words: Any, request: Request, name: str) -> Any:
    try:
        return words(request.get(name))
    except ValueError as cause:
        known = ", ".join(word.value for word in words)
        raise UsageError(f"{name} {quoted(request.get(name))} is not one of {known}") from cause


def _amount(request: Request, name: str, most: float) -> float | None:
    value = request.get(name)
    if value is None:
        return None
    # "not" around the whole: NaN is in no range
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise UsageError(f"{name} {quoted(value)} is not a number of 0 to {most:g}")
    return float(value)


def _yes_or_no(request: Request, name: str) -> bool | None:
    value = request.get(name)
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"{name} {quoted(value)} is neither true nor false")
    return value


def _number(request: Request, name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name} {quoted(value)} is not a whole number from 0 on")
    return value
