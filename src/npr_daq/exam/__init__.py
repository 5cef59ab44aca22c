"""An exam file in the hand: sealing, findings, progress."""
