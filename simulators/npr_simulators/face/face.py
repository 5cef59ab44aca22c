"""The whole face: two halves, the skin, and where the stimulator is held."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.montage import standard_montage
from npr_daq.quoting import quoted
from npr_simulators.face import artefact, crosstalk, nerve, truth, units
from npr_simulators.face.background import Background
from npr_simulators.face.evoked import Evoked
from npr_simulators.face.nerve import Volley
from npr_simulators.face.patient import Patient
from npr_simulators.face.streams import stream
from npr_simulators.face.units import Units
from npr_simulators.face.waveform import Floats, Superposition
from npr_simulators.person.sites import Site

MODEL_VERSION = 1
"""Raised when the same patient and seed would give other numbers."""


class Face:
    """Both halves of one simulated person, with the lesion (if any) on `side`.

    Everything is a function of patient, seed, side of the lesion, and the shock's ordinal or the sample's index; the
    order of calls never matters. The only state is where the stimulator is and which electrodes are loose. The
    masseter is not modelled, and no axon is misrouted: every unit answers in its own muscle.
    """

    tasks: tuple[str, ...] = ("rest",)

    def __init__(self, patient: Patient, *, seed: int, side: Side = Side.LEFT) -> None:
        if seed < 0:
            raise UsageError(f"seed {seed} is negative; give 0 or more")
        self.patient = patient
        self.seed = seed
        self.side = side
        self.montage = standard_montage()
        self.placed: tuple[Side, Branch] | None = None
        self._loose: frozenset[int] = frozenset()
        self._background = Background(patient.skin, seed=seed)
        self._mixing = {half: crosstalk.mixing(patient, seed=seed, side=half) for half in Side}
        self._units = {half: self._calibrated(half) for half in Side}

    def place(
        self,
        side: Side,
        site: Site | Branch,
        *,
        offset_mm: float | None = None,
        anterior_mm: float | None = None,
        anode_first: bool | None = None,
    ) -> None:
        """Hold the stimulator over `site` on `side`, cathode distal; this patient's nerve is always found exactly."""
        if site == Site.SUPRAORBITAL:
            raise UsageError("this patient has no blink reflex; the sites are the trunk and its five branches")
        if offset_mm or anterior_mm or anode_first:
            raise UsageError("this patient knows no misplaced stimulator; leave offset_mm, anterior_mm, anode_first")
        self.placed = (Side(side), Branch(site))

    def cue(
        self, *, task: str, effort: float, seconds: float, stream_id: int, sample: int, rate_hz: float
    ) -> dict[str, Any]:
        """Only rest can be asked for."""
        if task not in self.tasks:
            raise UsageError(
                f"this patient cannot {quoted(task)}: voluntary movements are not simulated; the task is rest"
            )
        return {"task": task, "stream_id": stream_id, "sample": sample}

    def voice(self) -> list[Mapping[str, Any]]:
        """This patient never says anything."""
        return []

    def lift(self) -> None:
        """Take the stimulator off the skin."""
        self.placed = None

    def loosen(self, side: Side, muscle: Muscle) -> None:
        """Let the G1 electrode of one channel come loose: large hum and noise until it is fixed."""
        self._loose |= {self.montage.row(Side(side), Muscle(muscle))}

    def fix(self, side: Side, muscle: Muscle) -> None:
        """Press the electrode on again; harmless when it is not loose."""
        self._loose -= {self.montage.row(Side(side), Muscle(muscle))}

    @property
    def loose(self) -> frozenset[int]:
        """Rows whose electrode is loose."""
        return self._loose

    def impedance_kohm(self) -> Floats:
        """Impedance of G1 and G2 of every channel, shape (16, 2): 1.5 to 4 kohm with good contact, 250 where loose."""
        rows = np.round(stream(self.seed, "impedance").uniform(1.5, 4.0, (len(self.montage.channels), 2)), 2)
        rows[sorted(self._loose), 0] = 250.0
        return rows

    def evoke(
        self, *, current_ma: float, width_us: float, ordinal: int, reversed: bool = False, at_s: float = 0.0
    ) -> Evoked | None:
        """The answer to one shock where the stimulator is held; None when it is held nowhere.

        `ordinal` numbers the shock: it finds the fluctuation of every threshold, so the same shock repeats exactly.
        Neither polarity nor the time since the last shock makes a difference here.
        """
        if self.placed is None:
            return None
        side, site = self.placed
        half = self._units[side]
        volley = nerve.shocked(
            half,
            self.patient,
            site,
            current_ma=current_ma,
            width_us=width_us,
            seed=self.seed,
            key=(side, ordinal),
        )
        return Evoked(
            side=side,
            site=site,
            current_ma=current_ma,
            width_us=width_us,
            names=self.montage.names,
            units=half,
            volley=volley,
            waves=_waves(half, volley),
            mixing=self._mixing[side],
            artefact_uv=current_ma * artefact.artefact_gain(seed=self.seed, side=side, site=site),
        )

    def background(self, stream_id: int, first_sample: int, n: int, rate_hz: float) -> NDArray[np.float32]:
        """What the electrodes pick up without a shock, microvolt, shape (16, n); the same in any portions."""
        return self._background.rows(stream_id, first_sample, n, rate_hz, self._loose)

    def answers(self) -> dict[str, Any]:
        """The patient's own answers to the intake questions."""
        return self.patient.answers(self.side)

    def plateau_truth(self) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
        """Full recruitment per site, side and muscle: `own` and `app`arent sizes, noise-free, and the current of it.

        At a site's plateau every living axon that the site supplies has fired, and no other.
        """
        found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        for site in Branch:
            for side, half in self._units.items():
                volley = nerve.plateau(half, self.patient, site, alive=half.alive)
                own = np.stack([wave.at(truth.instants_ms()) for wave in _waves(half, volley)])
                app = self._mixing[side] @ own
                rows = {}
                for muscle in SUPPLIES[site]:
                    row = self.montage.row(side, muscle)
                    rows[str(muscle)] = {
                        "own": truth.sizes(own[FACIAL_MUSCLES.index(muscle)]),
                        "app": truth.sizes(app[row]),
                        "current_ma": round(nerve.plateau_ma(half, self.patient, site), 3),
                    }
                found.setdefault(str(site), {})[str(side)] = rows
        return found

    def header(self) -> dict[str, Any]:
        """Who this is: patient, seed, side of the lesion, dead share per muscle, hash of all parameters."""
        dead = {
            f"{side}.{muscle}": round(1 - float(half.alive[half.of(muscle)].mean()), 6)
            for side, half in self._units.items()
            for muscle in FACIAL_MUSCLES
        }
        return {
            "patient": self.patient.name,
            "seed": self.seed,
            "side": str(self.side),
            "degeneration": dead,
            "misrouting": {},
            "hash": self._hash(),
        }

    def _hash(self) -> str:
        parameters = {
            "model": MODEL_VERSION,
            "patient": self.patient.model_dump(mode="json"),
            "seed": self.seed,
            "side": str(self.side),
            "profiles": {str(muscle): asdict(profile) for muscle, profile in units.PROFILES.items()},
            "crosstalk": [[str(a), str(b), share] for (a, b), share in crosstalk.NEIGHBOURS.items()],
        }
        return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()

    def _calibrated(self, side: Side) -> Units:
        # the amplitude of a healthy muscle is imposed, not predicted; it is set before anything is lost
        half = units.draw_units(self.patient, seed=self.seed, side=side, lesioned=side is self.side)
        everyone = nerve.plateau(half, self.patient, Branch.TRUNK, alive=np.ones_like(half.alive))
        drawn_uv = np.array([truth.sizes(wave.at(truth.instants_ms()))["pp_uv"] for wave in _waves(half, everyone)])
        return units.scaled(half, 1e3 * units.target_mv(self.patient, seed=self.seed, side=side) / drawn_uv)


def _waves(half: Units, volley: Volley) -> tuple[Superposition, ...]:
    return tuple(
        Superposition.of(half.shapes, volley.arrival_ms, volley.fired & half.of(muscle)) for muscle in FACIAL_MUSCLES
    )
