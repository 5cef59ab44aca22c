"""Guard the output: the host's interlock, the limits the device holds, and the ways to safe."""

from npr_daq.device.interlock import InterlockEvent, InterlockState, interlock
from npr_daq.engine.stream import Bench
from npr_daq.errors import InstrumentError, PlanError, SafetyTrip, TransportError
from npr_daq.stimulus import StimulusLimits


class Guard:
    """Whether current may flow, as the host believes it; the device has the last word."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._interlock = interlock()
        self._shown: StimulusLimits | None = None

    @property
    def state(self) -> InterlockState:
        """What the host believes about the output."""
        return self._interlock.state

    @property
    def shown(self) -> StimulusLimits:
        """The limits that arming is confirmed against; PlanError before they were written."""
        if self._shown is None:
            raise PlanError("the site's limits were not written to the device before its first shock")
        return self._shown

    def move(self, event: InterlockEvent) -> None:
        """Move the interlock; raises IllegalTransition for what its table forbids."""
        self._interlock.fire(event)

    def show_limits(self, limits: StimulusLimits) -> None:
        """Write a site's limits and keep what the device read back: arming is confirmed against that."""
        read_back = self._bench.device.set_limits(limits)
        for what, held, asked in (
            ("current", read_back.max_current_ma, limits.max_current_ma),
            ("pulse width", read_back.max_width_us, limits.max_width_us),
            ("charge", read_back.max_charge_uc, limits.max_charge_uc),
            ("energy", read_back.max_energy_mj, limits.max_energy_mj),
            ("rate", read_back.max_rate_hz, limits.max_rate_hz),
            ("rms current density", read_back.max_rms_density_ma_cm2, limits.max_rms_density_ma_cm2),
        ):
            # Negated: a device that reads back no number holds no limit.
            if not held <= asked * 1.001:
                raise SafetyTrip(f"the device holds a {what} limit of {held:g}, looser than the {asked:g} asked for")
        if read_back.max_current_ma < limits.max_current_ma * 0.999:
            raise PlanError(
                f"the device allows {read_back.max_current_ma:g} mA at most, below the {limits.max_current_ma:g} mA "
                "of the plan; lower the protocol's limit"
            )
        self._shown = read_back

    def arm(self) -> None:
        """Arm the device against the shown limits. May enable current: nothing flows before FIRE.

        Raises SafetyTrip, with nothing sent, where the interlock of this host may not arm.
        """
        if not self._interlock.can(InterlockEvent.ARM):
            raise SafetyTrip(f"arming is refused: the interlock of this host is {self._interlock.state.name}")
        self._bench.device.arm(self.shown)
        self._interlock.fire(InterlockEvent.ARM)

    def make_safe(self) -> bool:
        """Everything off, whatever state; never raises. False when the device did not confirm it."""
        try:
            confirmed = self._bench.device.make_safe()
        except Exception:  # noqa: BLE001 - whatever happens, the way out goes on; the interlock latches
            confirmed = False
        if self._interlock.state is InterlockState.FIRING:
            self._interlock.fire(InterlockEvent.TRIP if confirmed else InterlockEvent.EXPIRE)
        else:
            self._interlock.fire(InterlockEvent.DISARM if confirmed else InterlockEvent.EXPIRE)
        return confirmed

    def answers(self) -> bool:
        """Make safe, and whether the device confirms that and tells its state; asked twice, for a host held up."""
        for _ in range(2):
            if self.make_safe():
                try:
                    self._bench.device.status()
                except (TransportError, InstrumentError):
                    continue
                return True
        return False

    def acknowledge(self) -> None:
        """Clear a latched fault on both sides. Raises Refused while its cause stands."""
        self._bench.device.acknowledge()
        if self._interlock.state is InterlockState.LATCHED:
            self._interlock.fire(InterlockEvent.ACKNOWLEDGE)

    def reconciled(self) -> None:
        """The device was asked and is safe: a latch that stood for its silence ends with the operator's resume."""
        if self._interlock.state is InterlockState.LATCHED:
            self._interlock.fire(InterlockEvent.ACKNOWLEDGE)
