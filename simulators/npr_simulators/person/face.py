"""The whole person as the instruments meet her: sixteen electrode pairs, a stimulator on the skin, ears and a voice."""

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.montage import standard_montage
from npr_simulators.person import artefact
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import Bank, Floats
from npr_simulators.person.case import Case, Lesion
from npr_simulators.person.course import central_now, effective
from npr_simulators.person.discomfort import asks_to_stop, discomfort
from npr_simulators.person.evoked import Evoked
from npr_simulators.person.hand import Hand
from npr_simulators.person.lesions import lesioned
from npr_simulators.person.movements import movement_for
from npr_simulators.person.sites import Site
from npr_simulators.person.skin import SkinSignals, loose_rows
from npr_simulators.person.standing_truth import person_truth, plateau_truth
from npr_simulators.person.tasks import TASKS
from npr_simulators.person.truth import Supply
from npr_simulators.person.voluntary import Voluntary

HURTS = 4.0
"""Score from which on the patient says that it hurts [A]."""


class Face:
    """Both halves of one simulated person, with the file's `lesion` on `side`, at one visit.

    Everything is a function of case, seed, side, visit, the shock's ordinal, the sample's index, and of what was done:
    where the stimulator is, which electrodes are loose, which movements were cued. The motor units are drawn when they
    are first needed: a host that merely connects does not wait for them.
    """

    tasks = TASKS

    def __init__(self, patient: Case, *, seed: int, side: Side = Side.LEFT, visit: int = 1) -> None:
        if seed < 0:
            raise UsageError(f"seed {seed} is negative; give 0 or more")
        if visit < 1:
            raise UsageError(f"visit {visit} is not there; the first is 1")
        self.patient = patient
        self.seed = seed
        self.side = side
        self.visit = visit
        self.montage = standard_montage()
        self._hand = Hand(patient.placement)
        self._skin = SkinSignals(patient, seed=seed, visit=visit)
        self._loose = loose_rows(patient, side)
        self._said: list[Mapping[str, Any]] = []
        self._cues = 0

    @property
    def name(self) -> str:
        """What the patient is called."""
        return self.patient.name

    # -- the motor units

    @cached_property
    def banks(self) -> Mapping[Side, Bank]:
        """The motor-unit banks of both halves, lesions and all."""
        healthy = partial(healthy_bank, self.patient, seed=self.seed, lesion_side=self.side, visit=self.visit)
        return {half: lesioned(healthy(side=half), self._lesion(half), seed=self.seed) for half in Side}

    @cached_property
    def _supplies(self) -> Mapping[Side, Supply]:
        return {half: Supply.of(bank) for half, bank in self.banks.items()}

    @cached_property
    def voluntary(self) -> Voluntary:
        """Rest, blinks and movements."""
        central = central_now(self.patient)
        return Voluntary(
            self.banks,
            self.patient,
            central={half: central if half is self.side else () for half in Side},
            tonic={half: self._lesion(half).tonic for half in Side},
            seed=self.seed,
            visit=self.visit,
        )

    def wake(self) -> None:
        """Draw the motor units and sum what is summed of them: it takes seconds, and later there is no time for it."""
        assert self.voluntary
        assert self._supplies

    # -- hands

    def place(
        self,
        side: Side,
        site: Site,
        *,
        offset_mm: float | None = None,
        anterior_mm: float | None = None,
        anode_first: bool | None = None,
    ) -> None:
        """Hold the stimulator over `site` on `side`; what is None is as the patient's file has it."""
        self._hand.place(Side(side), Site(site), offset_mm=offset_mm, anterior_mm=anterior_mm, anode_first=anode_first)

    def lift(self) -> None:
        """Take the stimulator off the skin."""
        self._hand.lift()

    @property
    def placed(self) -> tuple[Side, Site] | None:
        """Where the stimulator is held; None when it is off the skin."""
        grip = self._hand.grip
        return None if grip is None else (grip.side, grip.site)

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

    def disturb(self, *, hum: float) -> None:
        """Let the room hum `hum` times as much as the patient's file says."""
        self._skin.disturb(hum=hum)

    def cough(self, stream_id: int, second: float) -> None:
        """Let the patient cough at `second` of a stream."""
        self._skin.cough(stream_id, second)

    # -- what the instruments meet

    def impedance_kohm(self) -> Floats:
        """Impedance of G1 and G2 of every channel, shape (16, 2)."""
        return self._skin.impedance_kohm(self._loose)

    def evoke(
        self, *, current_ma: float, width_us: float, ordinal: int, reversed: bool = False, at_s: float = 0.0
    ) -> Evoked | None:
        """The answer to one pulse; None while the stimulator is off the skin. The patient may say something of it."""
        held = self._hand.shock(current_ma=current_ma, width_us=width_us, ordinal=ordinal, reversed=reversed, at_s=at_s)
        if held is None:
            return None
        side, shock = held
        score = discomfort(self.patient, shock)
        if asks_to_stop(self.patient, shock):
            self._said.append({"said": "stop", "score": round(score, 1), "ordinal": ordinal})
        elif score >= HURTS:
            self._said.append({"said": "hurts", "score": round(score, 1), "ordinal": ordinal})
        return Evoked.of(
            self.banks,
            self.patient,
            side,
            shock,
            seed=self.seed,
            lesion_side=self.side,
            supplies=self._supplies,
            names=self.montage.names,
            artefact=artefact.of_shock(self.patient, side, shock, seed=self.seed, visit=self.visit, loose=self._loose),
        )

    def background(self, stream_id: int, first_sample: int, n: int, rate_hz: float) -> NDArray[np.float32]:
        """Skin and muscles without a shock, microvolt, shape (16, n); equal for any slicing of a stream."""
        skin = self._skin.rows(stream_id, first_sample, n, rate_hz, self._loose)
        return np.asarray(skin + self.voluntary.rows(stream_id, first_sample, n, rate_hz), np.float32)

    # -- ears and voice

    def cue(
        self, *, task: str, effort: float, seconds: float, stream_id: int, sample: int, rate_hz: float
    ) -> Mapping[str, Any]:
        """Ask for a movement at `sample` of a stream; gives its truth line. Raises UsageError for an unknown task."""
        self._cues += 1
        movement = movement_for(
            self.patient,
            seed=self.seed,
            ordinal=self._cues,
            task=task,
            effort=effort,
            seconds=seconds,
            stream_id=stream_id,
            cue_sample=sample,
            rate_hz=rate_hz,
            visit=self.visit,
        )
        self.voluntary.cue(movement)
        return self.voluntary.expected(movement)

    def voice(self) -> list[Mapping[str, Any]]:
        """What the patient has said since the last call."""
        said, self._said = self._said, []
        return said

    def answers(self) -> dict[str, Any]:
        """The patient's own answers to the intake questions."""
        return self.patient.answers(self.side)

    # -- truth

    def header(self) -> dict[str, Any]:
        """Who this is and what the lesion did; see `docs/truth.md`."""
        return person_truth(self.banks, self.patient, seed=self.seed, lesion_side=self.side, visit=self.visit)

    def plateau_truth(self) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
        """Full recruitment per site, side and muscle: own and apparent sizes, noise-free, and the current of it."""
        return plateau_truth(self.banks, self.patient)

    def _lesion(self, half: Side) -> Lesion:
        return effective(self.patient, self.patient.lesion_of(half, self.side))
