"""What a patient can be asked to do (names of the interface: "Tasks"; clinical reference 5.6)."""

TASKS = (
    "rest",
    "wrinkle_forehead",
    "frown",
    "close_eyes_gently",
    "close_eyes_tightly",
    "blink",
    "wrinkle_nose",
    "snarl",
    "smile_closed",
    "smile_open",
    "pucker",
    "blow_cheeks",
    "depress_lower_lip",
    "tense_platysma",
)
"""These names are fixed; every table of this file is keyed by them."""
