"""The faults that wait, and how each of the frames, the amplifier and the skin happens when its moment has come."""

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from npr_daq.errors import UsageError
from npr_daq.montage import standard_montage
from npr_simulators.channel_faults import ChannelFault
from npr_simulators.faults import Fault, FaultScript, FrameFaults
from npr_simulators.instruments import Instruments
from npr_simulators.outbox import Outgoing
from npr_simulators.patient_face import PatientFace
from npr_simulators.sampling import LSB_NV
from npr_simulators.tugged import Tug, TuggedFace

FAR_TICKS = 1 << 62
HUM_FACTOR, CALM, CLIP_MV, TUG_MV = 20.0, 1.0, 1.0, 60.0
"""How bad it gets where a script does not say it: hum over the usual, input range, a tug beyond the +-40 mV [A]."""


class Mishaps:
    """The script of one process, its instruments and its face. Faults of link and process are the loop's to carry out.

    Raises UsageError for a script with a fault that nothing here can have.
    """

    def __init__(self, instruments: Instruments, face: PatientFace, script: FaultScript) -> None:
        self._instruments = instruments
        self._face = face
        self._script = script
        self._delivered = 0
        self.of_frames: Mapping[str, FrameFaults] = MappingProxyType({name: FrameFaults() for name in instruments})
        for fault in script.waiting:
            self.struck_by(fault)

    def add(self, fault: Fault) -> int:
        """Let one more wait; gives how many do. Raises UsageError where nothing here can have it."""
        self.struck_by(fault)
        self._script.add([fault])
        return len(self._script.waiting)

    @property
    def delivered(self) -> int:
        """Stimuli that were delivered so far."""
        shocker = self._instruments.shocker
        return self._delivered + (len(shocker.delivered) if shocker is not None else 0)

    def due_by_time(self) -> list[Fault]:
        """Faults whose second of device time has come, and those that were asked for at once."""
        return self._script.due_at(self._instruments.ticks / self._instruments.ticks_hz)

    def due_by_stimulus(self) -> list[Fault]:
        """Faults whose stimulus was delivered since the last call, but those of frames: see `spoiled`."""
        shocker = self._instruments.shocker
        if shocker is None or not shocker.delivered:
            return []
        numbers = shocker.delivered[:]
        shocker.delivered.clear()
        self._delivered += len(numbers)
        return self._script.due_with(numbers)

    def next_ticks(self) -> int:
        """The device clock at which the next fault by time is due; far away when none waits."""
        seconds = self._script.next_s()
        return FAR_TICKS if math.isinf(seconds) else math.ceil(seconds * self._instruments.ticks_hz)

    def spoiled(self, frame: Outgoing, name: str) -> bytes:
        """What leaves `name` in place of `frame`; a fault at a stimulus strikes the frame that holds its marker."""
        faults = self.of_frames[name]
        if frame.stimuli:
            for fault in self._script.due_in_frame(frame.stimuli, lambda f: self.struck_by(f) == name):
                faults.add(fault)
        return faults.apply(frame.wire)

    def struck_by(self, fault: Fault) -> str:
        """The name of the instrument that `fault` strikes; raises UsageError where there is none such."""
        known = ", ".join(self._instruments)
        if fault.instrument is None:
            if fault.layer == "amplifier" and self._instruments.recorder is None:
                raise UsageError(f"fault: nothing here amplifies; the instruments are {known}")
            return self._instruments.first.kind.name
        if fault.instrument not in self._instruments:
            raise UsageError(f"fault: there is no {fault.instrument} here; the instruments are {known}")
        if fault.layer == "amplifier" and not self._instruments[fault.instrument].kind.records:
            raise UsageError(f"fault: the {fault.instrument} has no channels; the instruments are {known}")
        return fault.instrument

    def strike(self, fault: Fault) -> None:
        """Let a fault of the frames, the amplifier or the skin happen."""
        match fault.layer, fault.what:
            case "frame", _:
                self.of_frames[self.struck_by(fault)].add(fault)
            case "amplifier", _:
                self._break_channels(fault)
            case _, "loosen" | "fix" if fault.side is not None and fault.muscle is not None:
                (self._face.loosen if fault.what == "loosen" else self._face.fix)(fault.side, fault.muscle)
            case _, "hum":
                self._hum(fault)
            case _:
                self._disturb(fault)
        if fault.layer == "skin":
            self._instruments.skin_changed()

    def _break_channels(self, fault: Fault) -> None:
        device = self._instruments[self.struck_by(fault)]
        level_mv = CLIP_MV if fault.level_mv is None else fault.level_mv
        amount = {"clip": level_mv * 1e6 / LSB_NV, "gain": fault.factor or 0.0}.get(fault.what, 0.0)
        until = device.ticks + round(fault.seconds * device.ticks_hz)
        device.channel_faults.add(ChannelFault(fault.what, frozenset(_rows(fault)), device.ticks, until, amount))

    def _hum(self, fault: Fault) -> None:
        self._face.disturb(hum=HUM_FACTOR if fault.factor is None else fault.factor)
        if fault.factor != CALM:
            over_s = self._instruments.ticks / self._instruments.ticks_hz + fault.seconds
            self._script.add([replace(fault, at_stimulus=None, at_s=over_s, factor=CALM)])

    def _disturb(self, fault: Fault) -> None:
        """What happens in a stream; without one nobody sees it."""
        recorder = self._instruments.recorder
        if recorder is None or not recorder.streaming:
            return
        if fault.what == "cough":
            self._face.cough(recorder.stream_id, recorder.samples / recorder.rate_hz)
        elif isinstance(self._face, TuggedFace):
            uv = 1e3 * (TUG_MV if fault.level_mv is None else fault.level_mv)
            self._face.tug(Tug(recorder.stream_id, recorder.samples, _rows(fault), fault.seconds, uv))


def _rows(fault: Fault) -> tuple[int, ...]:
    """The channels that a fault means: the one it names, or all."""
    montage = standard_montage()
    if fault.side is None or fault.muscle is None:
        return tuple(range(len(montage.channels)))
    return (montage.row(fault.side, fault.muscle),)
