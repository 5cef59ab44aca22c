"""Operators: terminal, script, and the way to a simulator's own."""

from npr_daq.operators.auto import auto
from npr_daq.operators.script import ScriptedOperator

__all__ = ["ScriptedOperator", "auto"]
