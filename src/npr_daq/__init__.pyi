from npr_daq import analysis as analysis
from npr_daq import errors as errors
from npr_daq import operators as operators
from npr_daq.errors import NprError as NprError
from npr_daq.exam.exam import Exam as Exam
from npr_daq.exam.exam import open_exam as open_exam
from npr_daq.session import Bench as Bench
from npr_daq.session import connect as connect
from npr_daq.session import run_exam as run_exam

__version__: str
