"""Where the electrodes are: electrodes, channels, and the montage as part of a test's identity."""

from dataclasses import dataclass

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.errors import PlanError


@dataclass(frozen=True, slots=True)
class Electrode:
    """One disc on the skin, with its place in words."""

    label: str
    place: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One differential channel, G1 - G2. `index` is the front-end's channel number, from 0."""

    index: int
    side: Side
    muscle: Muscle
    active: Electrode
    reference: Electrode

    @property
    def name(self) -> str:
        """`side.muscle`, as in files and in the simulated truth."""
        return f"{self.side}.{self.muscle}"


@dataclass(frozen=True, slots=True)
class Montage:
    """A named set of channels; two recordings compare only when their montages are equal."""

    name: str
    channels: tuple[Channel, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Channel names in recording order."""
        return tuple(c.name for c in self.channels)

    @property
    def mask(self) -> int:
        """Bit mask of the front-end's channels, as the wire wants it."""
        return sum(1 << c.index for c in self.channels)

    def has(self, side: Side, muscle: Muscle) -> bool:
        """Whether `muscle` is recorded on `side`."""
        return any(c.side == side and c.muscle == muscle for c in self.channels)

    def row(self, side: Side, muscle: Muscle) -> int:
        """Row of the sample array that holds `muscle` on `side`; raises PlanError where it is not recorded."""
        for row, channel in enumerate(self.channels):
            if channel.side == side and channel.muscle == muscle:
                return row
        known = ", ".join(self.names)
        raise PlanError(f"{side}.{muscle} is not in the montage {self.name!r}; it records {known}")


_PLACES: dict[Muscle, tuple[str, str]] = {
    Muscle.FRONTALIS: ("2 cm above the brow, mid-pupil line", "2 cm higher on the forehead"),
    Muscle.ORBICULARIS_OCULI: ("just below the lower lid, mid-pupil line", "lateral to the outer canthus"),
    Muscle.NASALIS: ("lateral mid-nose, on the bulge of the muscle", "bridge of the nose"),
    Muscle.ZYGOMATICUS: ("on the line mouth corner to zygoma", "malar prominence"),
    Muscle.ORBICULARIS_ORIS: ("lateral to the mouth corner", "midline of the lip"),
    Muscle.DEPRESSOR_ANGULI_ORIS: ("on the muscle, below the mouth corner", "tip of the chin"),
    Muscle.MENTALIS: ("1 cm lateral to the midline of the chin", "tip of the chin"),
    Muscle.PLATYSMA: ("3-4 cm below the mandible, anterolateral neck", "3 cm caudal"),
    Muscle.MASSETER: ("belly of the masseter", "angle of the mandible"),
}


def place_of(muscle: Muscle) -> tuple[str, str]:
    """Places of G1 and G2 in words (clinical reference, section 3; partly textbook knowledge)."""
    return _PLACES[muscle]


def standard_montage(muscles: tuple[Muscle, ...] = FACIAL_MUSCLES, name: str = "facial-16") -> Montage:
    """Both sides of `muscles` on the reference front-end: 0-7 left, 8-15 right, in the order of `Muscle`."""
    channels = []
    for half, side in enumerate((Side.LEFT, Side.RIGHT)):
        for number, muscle in enumerate(FACIAL_MUSCLES):
            if muscle in muscles:
                g1, g2 = _PLACES[muscle]
                channels.append(
                    Channel(
                        index=half * len(FACIAL_MUSCLES) + number,
                        side=side,
                        muscle=muscle,
                        active=Electrode(f"{side}.{muscle}.G1", g1),
                        reference=Electrode(f"{side}.{muscle}.G2", g2),
                    )
                )
    return Montage(name, tuple(channels))
