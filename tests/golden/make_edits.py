"""Makes `exam.edits.jsonl` from its description in docs/exam_file.md with the standard library alone.

python tests/golden/make_edits.py > tests/golden/exam.edits.jsonl
"""

import hashlib
import json
import sys

SHARED = {"software": "npr-daq 0.1.0", "when": "2026-11-21T09:30:00Z"}
PLACE = {"branch": "buccal", "marker": "onset", "muscle": "nasalis", "side": "left", "unit": "ms"}
LINES = [
    {
        "format": "npr-daq edits",
        "version": 1,
        "exam_id": "0a1b2c3d-0000-4000-8000-000000000001",
        "raw_sha256": "ab" * 32,
    },
    {"who": "Dr. Åse Ø", "what": "mark", "where": PLACE, "from": 3.125, "to": 3.4, "reason": "hum before the onset"},
    {
        "who": "Dr. Åse Ø",
        "what": "analysis",
        "where": {},
        "from": None,
        "to": {"edits": True, "findings_sha256": "00" * 32, "parameters": {"min_sweeps": 3, "window_end_ms": 15.0}},
        "reason": None,
    },
    {"who": "second reader", "what": "mark", "where": PLACE, "from": 3.125, "to": None, "reason": None},
]


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


previous = None
for number, line in enumerate(LINES):
    whole = {**line, **SHARED, "n": number, "previous": previous}
    previous = hashlib.sha256(canonical(whole)).hexdigest()
    sys.stdout.buffer.write(canonical({**whole, "sha256": previous}) + b"\n")
