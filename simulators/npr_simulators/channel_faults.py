"""What breaks inside the amplifier: a channel that sticks, a gain that steps, an input range that shrinks."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

INT32_MAX = 2**31 - 1
Counts = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(slots=True)
class ChannelFault:
    """One thing wrong with `rows` of the device from `from_ticks` to before `to_ticks` of its clock.

    `what` is `clip` (counts stay within +-`amount` counts, and are flagged), `stuck` (the first count is repeated) or
    `gain` (counts times `amount`).
    """

    what: str
    rows: frozenset[int]
    from_ticks: int
    to_ticks: int
    amount: float = 0.0
    _held: dict[int, int] = field(default_factory=dict)

    def strike(self, struck: slice, column: int, row: int, counts: Counts, clipped: Flags) -> None:
        """Spoil one column of `counts` (time, channel) in place; a converter that clips says so."""
        piece = counts[struck, column]
        match self.what:
            case "stuck":
                piece[:] = self._held.setdefault(row, int(piece[0]))
            case "gain":
                piece[:] = np.clip(np.rint(piece * self.amount), -INT32_MAX, INT32_MAX)
            case _:
                clipped[struck, column] |= np.abs(piece) > self.amount
                np.clip(piece, -int(self.amount), int(self.amount), out=piece)


@dataclass(slots=True)
class ChannelFaults:
    """The faults of one device, in the order in which they came; they are kept over streams, by the device clock."""

    faults: list[ChannelFault] = field(default_factory=list)

    def add(self, fault: ChannelFault) -> None:
        """Let `fault` happen."""
        self.faults.append(fault)

    def apply(
        self,
        counts: Counts,
        clipped: Flags,
        *,
        channels: tuple[int, ...],
        first_ticks: int,
        ticks_per_sample: int,
        count_max: int,
    ) -> None:
        """Spoil `counts` and `clipped`, both (time, channel), in place; the first sample begins at `first_ticks`.

        Stretches come in order, so a fault that ended before this one is forgotten.
        """
        self.faults = [f for f in self.faults if f.to_ticks > first_ticks]
        n = len(counts)
        for fault in self.faults:
            low = max(0, -(-(fault.from_ticks - first_ticks) // ticks_per_sample))
            high = min(n, -(-(fault.to_ticks - first_ticks) // ticks_per_sample))
            if low >= high:
                continue
            for column, row in enumerate(channels):
                if row in fault.rows:
                    fault.strike(slice(low, high), column, row, counts, clipped)
        if self.faults:
            clipped |= np.abs(counts.astype(np.int64)) > count_max
            np.clip(counts, -count_max, count_max, out=counts)
