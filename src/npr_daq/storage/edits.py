"""What people change after an exam is sealed: a chain of JSON lines in which every entry names the one before.

Each line is canonical JSON and a line feed. `sha256` is that of the line's canonical JSON without `sha256` itself, and
`previous` the `sha256` of the line before; the first line names the `raw_sha256` of the exam. A changed byte breaks
the line it is in; a line that is missing, moved or put in breaks the chain. Whole lines taken off the end leave no
trace in the file itself: note the last `sha256` (the head), which every report with edits carries.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from npr_daq.errors import RecordingError, UsageError
from npr_daq.quoting import quoted
from npr_daq.storage.fields import as_mapping, is_shallow
from npr_daq.storage.text import canonical_json, clean, parse_json

FORMAT = "npr-daq edits"
VERSION = 1

LONGEST_NAME = 80
LONGEST_REASON = 500

_HEADER = {"format", "version", "exam_id", "raw_sha256", "n", "when", "software", "previous", "sha256"}
_ENTRY = {"n", "when", "who", "what", "where", "from", "to", "reason", "software", "previous", "sha256"}


@dataclass(frozen=True, slots=True)
class Owner:
    """The exam that edits belong to: its `session_uuid` and the `raw_sha256` of its raw data."""

    exam_id: str
    raw_sha256: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An edit before it is stored: who did what, where in the exam, from what to what, and why. JSON-safe.

    UsageError for a name or a reason that is empty where it may not be, too long, or not printable.
    """

    who: str
    what: str
    where: Mapping[str, Any] = field(default_factory=dict)
    before: Any = None
    after: Any = None
    reason: str | None = None

    def __post_init__(self) -> None:
        for name, text, longest in (("name", self.who, LONGEST_NAME), ("reason", self.reason, LONGEST_REASON)):
            if text is None:
                continue
            if not text.strip():
                raise UsageError(f"the {name} of an edit is empty; say it in words")
            if len(text) > longest:
                raise UsageError(f"the {name} of an edit has {len(text)} characters, at most {longest} are kept")
            if not text.isprintable():
                raise UsageError(f"the {name} of an edit, {quoted(text)}, has characters that cannot be printed")


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored edit. `before` and `after` are `from` and `to` of the line; `sha256` is the line's own."""

    n: int
    when: str
    who: str
    what: str
    where: Mapping[str, Any]
    before: Any
    after: Any
    reason: str | None
    software: str
    previous: str
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """The line's JSON object."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["from"], values["to"] = values.pop("before"), values.pop("after")
        return values


@dataclass(frozen=True, slots=True)
class Edits:
    """A whole chain, proved: `head` is the `sha256` of its last line, None where nothing was ever edited."""

    entries: tuple[Entry, ...] = ()
    head: str | None = None


def parse(data: bytes, *, name: str, owner: Owner) -> Edits:
    """The chain in `data`, every line proved; empty data are an empty chain.

    RecordingError in one sentence that begins with `name`, for damage, for another exam's edits, for a newer version.
    """
    if not data:
        return Edits()
    *lines, rest = data.split(b"\n")
    chain: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        try:
            chain.append(_proved(line, number, chain[-1]["sha256"] if chain else None))
        except ValueError as cause:
            raise RecordingError(
                f"{name} is damaged: line {number + 1} {cause}; restore the file from a backup"
            ) from cause
        if number == 0:
            _check_owner(chain[0], name, owner)
    if rest:
        raise RecordingError(
            f"{name} is damaged: line {len(lines) + 1} has no end ({len(rest)} bytes); restore the file from a backup, "
            "or delete that line if the program was killed while it wrote it: it was never confirmed to anyone"
        )
    return Edits(tuple(_entry(value) for value in chain[1:]), chain[-1]["sha256"])


def lines_for(draft: Draft, so_far: Edits, *, owner: Owner, when: datetime, software: str) -> tuple[bytes, Entry]:
    """What to append behind `so_far`, and the entry it makes; the first edit brings the file's first line with it."""
    stamp = when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    shared = {"when": stamp, "software": software}
    head, begun = so_far.head, b""
    if head is None:
        first = {"format": FORMAT, "version": VERSION, "exam_id": owner.exam_id, "raw_sha256": owner.raw_sha256}
        begun, head = _sealed({**first, **shared, "n": 0, "previous": None})
    value = {
        **shared,
        "n": len(so_far.entries) + 1,
        "who": clean(draft.who.strip()),
        "what": draft.what,
        "where": draft.where,
        "from": draft.before,
        "to": draft.after,
        "reason": None if draft.reason is None else clean(draft.reason.strip()),
        "previous": head,
    }
    line, _ = _sealed(value)
    return begun + line, _entry(parse_json(line))


def _sealed(value: dict[str, Any]) -> tuple[bytes, str]:
    """The line of `value` with its own checksum, and that checksum."""
    digest = hashlib.sha256(canonical_json(value).encode()).hexdigest()
    return canonical_json({**value, "sha256": digest}).encode() + b"\n", digest


def _proved(line: bytes, number: int, previous: str | None) -> dict[str, Any]:
    """The object of a line; ValueError, as the end of a sentence, for anything that was not written like this."""
    try:
        value = parse_json(line)
    except ValueError as cause:
        raise ValueError("is no JSON") from cause
    if not isinstance(value, dict) or not is_shallow(value):
        raise ValueError("is not an object of an edits file")
    without = {key: item for key, item in value.items() if key != "sha256"}
    if _sealed(without)[0] != line + b"\n":
        raise ValueError("is not as it was written (its sha256 does not fit)")
    if value.get("previous") != previous or value.get("n") != number:
        raise ValueError("does not follow the line before it")
    if number == 0:
        return value
    if set(value) != _ENTRY:
        raise ValueError("does not have the keys of an edit")
    as_mapping(value["where"], "where")
    for key in ("when", "who", "what", "software"):
        if not isinstance(value[key], str):
            raise ValueError(f"has no text as its {key!r}")
    if not isinstance(value["reason"], str | None):
        raise ValueError("has no text as its 'reason'")
    return value


def _check_owner(first: Mapping[str, Any], name: str, owner: Owner) -> None:
    if first.get("format") != FORMAT:
        raise RecordingError(f"{name} is not an edits file of npr-daq; move it away")
    version = first.get("version")
    if version != VERSION:
        raise RecordingError(
            f"{name} is of edits file version {quoted(version)}; this program reads {VERSION}. Use a newer npr-daq"
        )
    if set(first) != _HEADER:
        raise RecordingError(f"{name} is damaged: line 1 does not have the keys of an edits file")
    if first["raw_sha256"] != owner.raw_sha256:
        raise RecordingError(
            f"{name} belongs to another exam ({quoted(first['exam_id'])}, raw data {quoted(first['raw_sha256'], 16)}), "
            f"not to this one ({owner.exam_id!r}, raw data {owner.raw_sha256[:16]}); move it away"
        )


def _entry(value: Mapping[str, Any]) -> Entry:
    return Entry(
        **{key: value[key] for key in _ENTRY - {"from", "to"}},
        before=value["from"],
        after=value["to"],
    )
