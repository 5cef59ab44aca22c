"""Read a journal back: the intact frames from its start, those behind any damage, and how much is damaged."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from npr_daq.errors import RecordingError
from npr_daq.storage.frames import FORMAT_VERSION, MAGIC, FrameType, JournalFrame, decode_frame, is_unfinished
from npr_daq.storage.text import canonical_json


@dataclass(frozen=True, slots=True, eq=False)
class JournalContents:
    """What a journal holds.

    `frames` are the intact ones from the start, the header frame first; `tail_bytes` follow them. `later` are intact
    frames in that tail, behind damage: their checksums hold and their numbers grow, but `lost_entries` are missing
    before or between them. `lost_bytes` of the tail are in no intact frame; `unfinished` says that those are nothing
    but the beginning of one more entry, as a killed program leaves it. `clean` means that the exam ended its journal
    itself and nothing is damaged.

    `header` is empty when the header frame is torn or damaged. Torn (`unfinished`), nothing was recorded yet;
    damaged, `later` are the frames that look intact, which cannot be proved without the header's checksum.
    """

    path: Path
    header: Mapping[str, Any]
    frames: tuple[JournalFrame, ...] = field(repr=False)
    valid_bytes: int
    tail_bytes: int
    clean: bool
    data: bytes = field(repr=False)
    later: tuple[JournalFrame, ...] = field(repr=False, default=())
    lost_bytes: int = 0
    lost_entries: int = 0
    unfinished: bool = False

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        return sha256(self.data).hexdigest()

    @property
    def nothing_recorded(self) -> bool:
        """Whether it ends before or inside its header: killed while it was being made, before any shock."""
        return not self.header and (self.unfinished or not self.data)

    @property
    def damaged(self) -> bool:
        """Whether bytes are lost otherwise than by an end that was cut off."""
        return bool(self.later) or (self.lost_bytes > 0 and not self.unfinished)

    def continues(self, *, digest: str, size: int) -> bool:
        """Whether this journal begins with all of another one, of `size` bytes and SHA-256 `digest`."""
        return size <= len(self.data) and sha256(memoryview(self.data)[:size]).hexdigest() == digest


def read_journal(path: str | Path) -> JournalContents:
    """The journal at `path`; the file is not changed.

    Damage never raises: a frame whose length, checksum, sequence or JSON is wrong is left out and counted.
    RecordingError when the file cannot be read, is no journal, or is of a newer format.
    """
    path = Path(path)
    try:
        # a pipe or a device would never end
        if not stat.S_ISREG(path.stat().st_mode):
            raise RecordingError(f"the journal {path} cannot be read: it is not a regular file")
        data = path.read_bytes()
    except OSError as cause:
        raise RecordingError(f"the journal {path} cannot be read: {cause.strerror or cause}") from cause
    return contents_of(data, path)


def contents_of(data: bytes, path: Path) -> JournalContents:
    """As `read_journal`, from the bytes of the file; `path` is for messages."""
    frames, valid = _frames(memoryview(data))
    header = _header_of(frames, path)
    if header is None:
        frames, valid, header = (), 0, {}
    later, lost = _scan(data, valid, after=len(frames) - 1, seed=frames[0].checksum if frames else None)
    if not later and not _begins_as_journal(data):
        raise RecordingError(f"{path} is not a journal of npr-daq: it does not begin as one")
    tail = len(data) - valid
    return JournalContents(
        path=path,
        header=header,
        frames=frames,
        valid_bytes=valid,
        tail_bytes=tail,
        clean=bool(frames) and frames[-1].type is FrameType.CLEAN_END and tail == 0,
        data=data,
        later=later,
        lost_bytes=lost,
        lost_entries=later[-1].sequence + 1 - len(frames) - len(later) if later else 0,
        unfinished=not later and is_unfinished(memoryview(data), valid, sequence=len(frames)),
    )


def _begins_as_journal(data: bytes) -> bool:
    # one flipped bit in the magic is damage, not another kind of file
    start = data[: len(MAGIC)]
    wrong = int.from_bytes(start, "big") ^ int.from_bytes(MAGIC[: len(start)], "big")
    return wrong.bit_count() <= 1


def _frames(data: memoryview) -> tuple[tuple[JournalFrame, ...], int]:
    frames: list[JournalFrame] = []
    offset = seed = 0
    while (found := decode_frame(data, offset, sequence=len(frames), seed=seed)) is not None:
        frame, after = found
        if (frame.type is FrameType.HEADER) != (offset == 0):
            break
        if offset == 0:
            seed = frame.checksum
        frames.append(frame)
        offset = after
        if frame.type is FrameType.CLEAN_END:
            break
    return tuple(frames), offset


def _scan(data: bytes, offset: int, *, after: int, seed: int | None) -> tuple[tuple[JournalFrame, ...], int]:
    """Intact frames behind `offset` with numbers growing from `after`, and the bytes that are in none of them."""
    view = memoryview(data)
    frames: list[JournalFrame] = []
    lost = len(data) - offset
    last = max(after, 0)
    while (offset := data.find(MAGIC, offset)) >= 0:
        found = decode_frame(view, offset, sequence=None, seed=seed)
        # a header is no later entry, also where damage gave it another number
        if found is None or found[0].type is FrameType.HEADER or found[0].sequence <= last:
            offset += 1
            continue
        frame, end = found
        frames.append(frame)
        last = frame.sequence
        lost -= end - offset
        offset = end
    return tuple(frames), lost


def _header_of(frames: tuple[JournalFrame, ...], path: Path) -> Mapping[str, Any] | None:
    if not frames:
        return None
    document = frames[0].document
    version = document.get("version")
    if document.get("format") != "npr-daq journal" or not isinstance(version, int):
        raise RecordingError(f"{path} begins as a journal but does not say `npr-daq journal`; it is of another program")
    if version > FORMAT_VERSION:
        raise RecordingError(
            f"{path} is a journal of format {version}; this program reads up to {FORMAT_VERSION}. Use a newer npr-daq"
        )
    header = document.get("header")
    if not isinstance(header, dict) or sha256(canonical_json(header).encode()).hexdigest() != document.get(
        "header_sha256"
    ):
        return None
    return header
