"""Where the electrodes were put: deviations from the montage as noted by the technician, recalled at the next visit."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from npr_daq.errors import UsageError
from npr_daq.montage import Montage
from npr_daq.recording import Event

ELECTRODES = "electrodes"
EVERYWHERE = "all"
"""The key of a note that names no channel."""
MOST_CHARACTERS = 200
MOST_FILES = 50
"""How many exam files are looked at for the last visit; each takes about a millisecond."""

Notes = Mapping[str, str]
"""What was noted, by channel (`left.nasalis`) or for all of them (`all`)."""


@dataclass(frozen=True, slots=True)
class LastVisit:
    """The newest earlier exam of a subject: its day, its file, and where its electrodes were."""

    day: str
    path: Path
    notes: Notes

    @property
    def words(self) -> str:
        """Where the electrodes were."""
        return in_words(self.notes) or "electrodes as in the montage"

    def __str__(self) -> str:
        return f"last visit, {self.day}: {self.words}"


def parse_notes(text: str, montage: Montage) -> dict[str, str]:
    """`left nasalis 3 mm higher; tape on the chin` as notes by channel; what names no channel is under `all`.

    Raises UsageError for a text that is too long or not printable.
    """
    most = MOST_CHARACTERS * len(montage.channels)
    example = "write one line such as 'left nasalis 3 mm higher; right frontalis 5 mm lateral', and never a name"
    if len(text) > most:
        raise UsageError(
            f"the note on the electrodes has {len(text)} characters, and at most {most} are kept; {example}"
        )
    if not text.isprintable():
        raise UsageError(f"the note on the electrodes holds characters that cannot be printed; {example}")
    known = {re.sub(r"[._]", " ", name): name for name in montage.names}
    notes: dict[str, str] = {}
    for part in text.split(";"):
        words = " ".join(part.split())
        if not words:
            continue
        plain = re.sub(r"[._]", " ", words.lower())
        spoken = next((each for each in known if plain == each or plain.startswith((f"{each} ", f"{each}:"))), None)
        key = known[spoken] if spoken else EVERYWHERE
        said = words[len(spoken) :].lstrip(" :") if spoken else words
        if len(said) > MOST_CHARACTERS:
            raise UsageError(f"the note on {key} has {len(said)} characters; at most {MOST_CHARACTERS}")
        if said:
            notes[key] = f"{notes[key]}; {said}" if key in notes else said
    return notes


def in_words(notes: Notes) -> str:
    """`left nasalis: 3 mm higher; tape on the chin`."""
    parts = (said if key == EVERYWHERE else f"{re.sub('[._]', ' ', key)}: {said}" for key, said in notes.items())
    return "; ".join(parts)


def electrodes_event(notes: Notes) -> Event:
    """What the exam keeps of the notes."""
    text = in_words(notes) or "electrodes as in the montage"
    return Event(ELECTRODES, text, host_ns=time.time_ns(), detail={"notes": dict(notes)})


def last_visit(folder: str | Path, subject: str) -> LastVisit | None:
    """The newest earlier exam of `subject` in `folder`, looked for among the files that were changed last."""
    from npr_daq.storage.glance import header_of, newest_first

    found: list[tuple[str, Path, Notes]] = []
    for path in newest_first(Path(folder), ending=".h5", most=MOST_FILES):
        header = header_of(path)
        if header is None or header.get("subject") != subject:
            continue
        kept = header.get(ELECTRODES)
        notes = kept.get("notes") if isinstance(kept, Mapping) else None
        plain = {str(key): str(said) for key, said in notes.items()} if isinstance(notes, Mapping) else {}
        found.append((str(header.get("created", "")), path, plain))
    if not found:
        return None
    # A file that was copied is changed later than made: the header says when the visit was.
    created, path, notes = max(found, key=lambda each: each[0])
    return LastVisit(created[:10], path, notes)
