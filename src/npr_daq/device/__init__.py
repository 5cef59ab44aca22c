"""What instruments must do, the interlock, and the registry of drivers."""
