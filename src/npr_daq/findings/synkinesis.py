"""The Synkinetic Correlation Test in the findings: its pairs, its index, and the repetitions that it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from npr_daq.findings.synkinesis_rows import (
    Counted,
    FollowingRow,
    Interval,
    RepetitionRow,
    Sides,
    SynkinesisIndexRow,
    SynkinesisRow,
    ToneRow,
)
from npr_daq.findings.table import TableView, plain

SIDES = ("gain", "correlation", "peak_correlation", "lag_ms", "slope", "duration_ratio", "overlap",
         "onset_difference_ms", "coherence", "cocontraction", "coefficient", "master_uv")  # fmt: skip
INTERVALS = ("q_ci95", "q_bca_ci95", "normalised_q_ci95", "gain_ratio_ci95")


@dataclass(frozen=True)
class Synkinesis:
    """The test of one exam; empty, with `version` None, where no movement was recorded.

    `index` is the mean of log2 Q over the declared pairs, None where one of them is missing or no side is the affected
    one; `index_pairs` of them were measured, `index_censored` have a lower bound for their Q. `repetitions` are all
    that were made, good or bad. `version` is that of `analysis.synkinesis`.
    """

    version: int | None = None
    pairs: TableView[SynkinesisRow] = field(default_factory=lambda: TableView(SynkinesisRow))
    index: float | None = None
    index_ci95: Interval | None = None
    index_pairs: int = 0
    index_censored: int = 0
    repetitions: TableView[RepetitionRow] = field(default_factory=lambda: TableView(RepetitionRow))

    def __str__(self) -> str:
        """The pairs and the index, as their tables print."""
        return f"{self.pairs}\n\n{self.index_table}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the interface, with the repetitions."""
        return {
            "version": self.version,
            "pairs": self.pairs.to_dicts(),
            "index": plain(self.index),
            "index_ci95": plain(self.index_ci95),
            "index_pairs": self.index_pairs,
            "index_censored": self.index_censored,
            "repetitions": self.repetitions.to_dicts(),
        }

    @property
    def index_table(self) -> TableView[SynkinesisIndexRow]:
        """The index as a table of one row; of none where no movement was recorded."""
        if self.version is None:
            return TableView(SynkinesisIndexRow)
        row = SynkinesisIndexRow(self.version, self.index, self.index_ci95, self.index_pairs, self.index_censored)
        return TableView(SynkinesisIndexRow, [row])

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; files of before have an empty list of pairs and no index."""
        return cls(
            version=data.get("version"),
            pairs=TableView(SynkinesisRow, [_pair(row) for row in data["pairs"]]),
            index=data["index"],
            index_ci95=_interval(data["index_ci95"]),
            index_pairs=data.get("index_pairs", 0),
            index_censored=data.get("index_censored", 0),
            repetitions=TableView(
                RepetitionRow, [RepetitionRow(**{**r, "flaws": tuple(r["flaws"])}) for r in data.get("repetitions", ())]
            ),
        )


def tone_row(row: Mapping[str, Any]) -> ToneRow:
    """A row of the tone table from its JSON object."""
    ends = {name: _interval(row[name]) for name in ("ci95", "affected_ci95_uv", "healthy_ci95_uv")}
    return ToneRow(**{**row, **ends, "left_out": Sides(**row["left_out"]), "reasons": tuple(row["reasons"])})


def following_row(row: Mapping[str, Any]) -> FollowingRow:
    """A row of the following table from its JSON object."""
    sides = {name: Sides(**value) for name, value in row.items() if isinstance(value, Mapping)}
    return FollowingRow(**{**row, **sides, "voluntary_ci95": _interval(row["voluntary_ci95"])})


def _pair(row: Mapping[str, Any]) -> SynkinesisRow:
    sides = {name: Sides(**row.get(name, {})) for name in SIDES}
    ends = {name: _interval(row[name]) for name in INTERVALS}
    counted = Counted(**row["repetitions"])
    return SynkinesisRow(**{**row, **sides, **ends, "repetitions": counted, "reasons": tuple(row["reasons"])})


def _interval(ends: Any) -> Interval | None:
    return None if ends is None else (ends[0], ends[1])
