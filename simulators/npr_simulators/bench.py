"""The instruments with one patient behind them, and what the control endpoint can do to all of them."""

import math
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, cast

from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.montage import standard_montage
from npr_daq.quoting import quoted
from npr_simulators.channel_faults import ChannelFault
from npr_simulators.device import SimulatedFrontend
from npr_simulators.fault_file import read_faults
from npr_simulators.faults import Fault, FaultScript, FrameFaults, fault_from
from npr_simulators.instruments import Instruments
from npr_simulators.options import Options
from npr_simulators.outbox import Outgoing
from npr_simulators.pace import LockStep, Pace, WallPace
from npr_simulators.patient_face import PatientFace
from npr_simulators.person.case_file import load_case
from npr_simulators.person.face import Face
from npr_simulators.person.sites import Site
from npr_simulators.pulse import clock_ppm
from npr_simulators.sampling import LSB_NV
from npr_simulators.truth import TruthFile, TruthSink
from npr_simulators.tugged import Tug, TuggedFace

Request = Mapping[str, Any]
FAR_TICKS = 1 << 62
REST = "rest"
HUM_FACTOR, CALM, CLIP_MV, TUG_MV = 20.0, 1.0, 1.0, 60.0
"""How bad it gets where a script does not say it: hum over the usual, input range, a tug beyond the +-40 mV [A]."""
MISPLACED_MM = 30.0
CUE_S, CUE_MAX_S = 3.0, 600.0
"""How long a movement is held where nobody says it, and at most."""


class Bench:
    """The instruments, the face, who lets time pass, and the faults that wait."""

    def __init__(
        self,
        *,
        options: Options,
        face: PatientFace,
        instruments: Instruments,
        paces: Mapping[str, Pace],
        script: FaultScript,
        truth: TruthSink | None,
    ) -> None:
        self.options = options
        self.face = face
        self.instruments = instruments
        self.paces = paces
        self.frame_faults = {name: FrameFaults() for name in instruments}
        self.quit_asked = False
        self.resets_asked: set[str] = set()
        """Lines that are to be hung up."""
        self._script = script
        self._truth = truth
        self._delivered = 0
        for fault in script.waiting:
            self.struck_by(fault)
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

    @property
    def device(self) -> SimulatedFrontend:
        """The instrument that records, or the only one: what a request means that names none."""
        return self.instruments.recorder or next(iter(self.instruments.values()))

    @property
    def lock_step(self) -> bool:
        """Whether device time passes only as it is granted."""
        return any(pace.lock_step for pace in self.paces.values())

    def target_ticks(self, now_s: float) -> int:
        """The device clock that may be reached now: one clock, so the furthest grant of any stream."""
        return max(self.paces[name].target_ticks(device, now_s) for name, device in self.instruments.items())

    def due_by_time(self) -> list[Fault]:
        """Faults whose second of device time has come, and those that were asked for at once."""
        return self._script.due_at(self.instruments.ticks / self.instruments.ticks_hz)

    def due_by_stimulus(self) -> list[Fault]:
        """Faults whose stimulus was delivered since the last call, but those of frames: see `spoiled`."""
        shocker = self.instruments.shocker
        if shocker is None or not shocker.delivered:
            return []
        numbers = shocker.delivered[:]
        shocker.delivered.clear()
        self._delivered += len(numbers)
        return self._script.due_with(numbers)

    def spoiled(self, frame: Outgoing, name: str) -> bytes:
        """What leaves `name` in place of `frame`; a fault at a stimulus strikes the frame that holds its marker."""
        faults = self.frame_faults[name]
        if frame.stimuli:
            for fault in self._script.due_in_frame(frame.stimuli, lambda f: self.struck_by(f) == name):
                faults.add(fault)
        return faults.apply(frame.wire)

    def next_fault_ticks(self) -> int:
        """The device clock at which the next fault by time is due; far away when none waits."""
        seconds = self._script.next_s()
        return FAR_TICKS if math.isinf(seconds) else math.ceil(seconds * self.instruments.ticks_hz)

    def struck_by(self, fault: Fault) -> str:
        """The name of the instrument that `fault` strikes; raises UsageError where there is none such."""
        known = ", ".join(self.instruments)
        if fault.instrument is None:
            if fault.layer == "amplifier" and self.instruments.recorder is None:
                raise UsageError(f"fault: nothing here amplifies; the instruments are {known}")
            return self.device.kind.name
        if fault.instrument not in self.instruments:
            raise UsageError(f"fault: there is no {fault.instrument} here; the instruments are {known}")
        if fault.layer == "amplifier" and not self.instruments[fault.instrument].kind.records:
            raise UsageError(f"fault: the {fault.instrument} has no channels; the instruments are {known}")
        return fault.instrument

    def strike(self, fault: Fault) -> None:
        """Let a fault of the frames, the amplifier or the skin happen."""
        match fault.layer, fault.what:
            case "frame", _:
                self.frame_faults[self.struck_by(fault)].add(fault)
            case "amplifier", _:
                self._break_channels(fault)
            case _, "loosen" | "fix" if fault.side is not None and fault.muscle is not None:
                self._move_electrode(fault.side, fault.muscle, fault.what)
            case _:
                self._disturb(fault)

    def _break_channels(self, fault: Fault) -> None:
        device = self.instruments[self.struck_by(fault)]
        level_mv = CLIP_MV if fault.level_mv is None else fault.level_mv
        amount = {"clip": level_mv * 1e6 / LSB_NV, "gain": fault.factor or 0.0}.get(fault.what, 0.0)
        until = device.ticks + round(fault.seconds * device.ticks_hz)
        device.channel_faults.add(ChannelFault(fault.what, frozenset(_rows(fault)), device.ticks, until, amount))

    def _disturb(self, fault: Fault) -> None:
        """Skin faults that need somebody to record them; in lock-step no time passes while nobody does."""
        recorder = self.instruments.recorder
        if recorder is None or not recorder.streaming:
            return
        match fault.what:
            case "cough":
                self.face.cough(recorder.stream_id, recorder.samples / recorder.rate_hz)
            case "hum":
                self.face.disturb(hum=HUM_FACTOR if fault.factor is None else fault.factor)
                if fault.factor != CALM:
                    now_s = recorder.ticks / recorder.ticks_hz
                    self._script.add([replace(fault, at_stimulus=None, at_s=now_s + fault.seconds, factor=CALM)])
            case "saturate" if isinstance(self.face, TuggedFace):
                uv = 1e3 * (TUG_MV if fault.level_mv is None else fault.level_mv)
                self.face.tug(Tug(recorder.stream_id, recorder.samples, _rows(fault), fault.seconds, uv))
        recorder.skin_changed()

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
        device, shocker = self._asked(request), self.instruments.shocker
        delivered = self._delivered + (len(shocker.delivered) if shocker is not None else 0)
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
            "delivered": delivered,
            "placed": None if placed is None else [placed[0].value, placed[1].value],
            "loose": self._loose(),
            "spoiled_frames": self.frame_faults[device.kind.name].spoiled,
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

    def _skin_changed(self) -> None:
        for device in self.instruments.values():
            device.skin_changed()

    def _place(self, request: Request) -> dict[str, Any]:
        side, site = _word(Side, request, "side"), _word(Site, request, "site")
        self.face.place(
            side,
            site,
            offset_mm=_amount(request, "offset_mm", MISPLACED_MM),
            anterior_mm=_amount(request, "anterior_mm", MISPLACED_MM),
            anode_first=_yes_or_no(request, "anode_first"),
        )
        self._skin_changed()
        return {"placed": [side.value, site.value]}

    def _lift(self, request: Request) -> dict[str, Any]:
        self.face.lift()
        self._skin_changed()
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
        self._skin_changed()

    def _loose(self) -> list[str]:
        names = standard_montage().names
        return sorted(names[row] for row in self.face.loose)

    def _fault(self, request: Request) -> dict[str, Any]:
        fault = fault_from({key: value for key, value in request.items() if key != "op"})
        self.struck_by(fault)
        self._script.add([fault])
        return {"waiting": len(self._script.waiting)}

    def _run_to(self, request: Request) -> dict[str, Any]:
        device = self._asked(request)
        stream_id, sample = _number(request, "stream_id"), _number(request, "sample")
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


def build_bench(options: Options, *, now_s: float) -> Bench:
    """Everything behind the lines, as `options` say; raises UsageError or ProtocolFileError for what is not there."""
    script = FaultScript(list(read_faults(options.faults)) if options.faults is not None else [])
    face = cast(PatientFace, TuggedFace(_face(options)))
    face.wake()
    boot_ids = {kind.name: secrets.randbelow(2**32 - 1) + 1 for kind in options.kinds}
    drift_ppm = clock_ppm(options.seed)
    truth = None
    if options.truth is not None:
        shocks = next((kind for kind in options.kinds if kind.stimulates), options.kinds[0])
        header = {**face.header(), "boot_id": boot_ids[shocks.name], "boot_ids": boot_ids, "clock_ppm": drift_ppm}
        truth = TruthFile(options.truth, {**header, "plateau": face.plateau_truth()})
    instruments = Instruments(
        {
            kind.name: SimulatedFrontend(
                face,
                seed=options.seed,
                boot_id=boot_ids[kind.name],
                random_u32=lambda: secrets.randbits(32),
                now_s=now_s,
                truth=truth,
                channel_names=standard_montage().names,
                kind=kind,
            )
            for kind in options.kinds
        }
    )
    paces: dict[str, Pace] = {
        name: LockStep() if options.speed is None else WallPace(now_s, options.speed, drift_ppm) for name in instruments
    }
    bench = Bench(options=options, face=face, instruments=instruments, paces=paces, script=script, truth=truth)
    for name, device in instruments.items():
        device.wire.drops_when_full = not paces[name].lock_step
        device.start()
    return bench


def _face(options: Options) -> PatientFace:
    """The patient behind the wires."""
    case = load_case(options.patient)
    if options.day is not None:
        case = case.at(options.day)
    return Face(case, seed=options.seed, side=options.side, visit=options.visit)


def _rows(fault: Fault) -> tuple[int, ...]:
    """The channels that a fault means: the one it names, or all."""
    montage = standard_montage()
    if fault.side is None or fault.muscle is None:
        return tuple(range(len(montage.channels)))
    return (montage.row(fault.side, fault.muscle),)


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
