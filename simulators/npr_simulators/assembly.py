"""Put the patient and the instruments together, as the options say."""

import secrets
from typing import cast

from npr_daq.montage import standard_montage
from npr_simulators.bench import Bench
from npr_simulators.device import SimulatedFrontend
from npr_simulators.fault_file import read_faults
from npr_simulators.faults import FaultScript
from npr_simulators.instruments import Instruments
from npr_simulators.mishaps import Mishaps
from npr_simulators.options import Options
from npr_simulators.pace import LockStep, Pace, WallPace
from npr_simulators.patient_face import PatientFace
from npr_simulators.person.case_file import load_case
from npr_simulators.person.face import Face
from npr_simulators.pulse import clock_ppm
from npr_simulators.truth import TruthFile
from npr_simulators.tugged import TuggedFace


def build_bench(options: Options, *, now_s: float) -> Bench:
    """Everything behind the lines, as `options` say; raises UsageError or ProtocolFileError for what is not there.

    It takes the seconds that the patient needs to wake: afterwards every call answers in milliseconds.
    """
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
    mishaps = Mishaps(instruments, face, script)
    bench = Bench(options=options, face=face, instruments=instruments, paces=paces, mishaps=mishaps, truth=truth)
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
