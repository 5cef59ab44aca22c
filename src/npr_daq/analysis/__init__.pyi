from npr_daq.analysis import conditioning as conditioning
from npr_daq.analysis import evoked as evoked
from npr_daq.analysis import recruitment as recruitment
from npr_daq.analysis import symmetry as symmetry
