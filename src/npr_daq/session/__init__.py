"""A session: connect to an instrument, run a protocol, seal the exam."""

from npr_daq.session.bench import Bench, connect, simulator_family
from npr_daq.session.conduct import ExamResult, check_subject, conduct, ensure_folder, prepare, run_exam

__all__ = [
    "Bench",
    "ExamResult",
    "check_subject",
    "conduct",
    "connect",
    "ensure_folder",
    "prepare",
    "run_exam",
    "simulator_family",
]
