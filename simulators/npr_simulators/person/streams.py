"""Random streams that are found by name, so that who draws first never changes what is drawn."""

from zlib import crc32

import numpy as np


def stream(seed: int, *words: str | int) -> np.random.Generator:
    """The generator that belongs to `seed` and `words`; equal arguments give equal numbers, always.

    Philox through a seed sequence: adding a consumer never shifts another stream (simulation reference, section 7).
    """
    entropy = [seed, *(crc32(word.encode()) if isinstance(word, str) else word for word in words)]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
