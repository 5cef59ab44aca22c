"""Byte transports: serial, TCP, VISA, memory; foreign exceptions stop here."""
