"""Plan, run table, reducer, sweeper and the runner that acts."""
