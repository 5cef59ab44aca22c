"""A session: connect to an instrument, run a protocol, seal the exam."""

from npr_daq.session.bench import Bench, connect, simulator_family
from npr_daq.session.conduct import ExamResult, check_subject, conduct, ensure_folder, prepare, run_exam
from npr_daq.session.resume import Resumption, find_unfinished
from npr_daq.session.sites import LastVisit, last_visit, parse_notes

__all__ = [
    "Bench",
    "ExamResult",
    "LastVisit",
    "Resumption",
    "check_subject",
    "conduct",
    "connect",
    "ensure_folder",
    "find_unfinished",
    "last_visit",
    "parse_notes",
    "prepare",
    "run_exam",
    "simulator_family",
]
