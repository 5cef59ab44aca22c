"""Contract suites that any driver, transport or simulator must pass."""
