"""The way to a simulator's own operator, which does there what hands and voice do in the clinic."""

from typing import Protocol

from npr_daq.operator import Operator


class OperatedBench(Protocol):
    """A bench that knows whether it may operate itself."""

    def automatic_operator(self) -> Operator:
        """Its simulated operator, or SafetyTrip."""
        ...


def auto(bench: OperatedBench) -> Operator:
    """The simulated operator of `bench`; raises SafetyTrip (exit 3) unless the device is simulated."""
    return bench.automatic_operator()
