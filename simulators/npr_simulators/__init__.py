"""The far end of each wire, with one simulated patient behind all of them."""
