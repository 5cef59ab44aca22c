"""Calibration procedures."""
