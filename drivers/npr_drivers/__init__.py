"""Drivers, one file or small package per instrument family, reached through entry points."""
