"""`python -m npr_daq` is `npr-daq`."""

from npr_daq.cli.entry import main

main()
