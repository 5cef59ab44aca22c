"""Which serial ports this machine has."""


def list_ports() -> list[dict[str, str]]:
    """Port and description of every serial port the system names; pseudo-terminals are never among them."""
    from serial.tools import list_ports as tools

    return [{"port": port.device, "description": port.description} for port in tools.comports()]
