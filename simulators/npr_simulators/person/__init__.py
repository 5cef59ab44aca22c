"""The simulated person: one motor-unit bank behind every shock, movement and reflex (simulation reference)."""
