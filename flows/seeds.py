"""Seeds: every random choice follows from the campaign's seed, the experiment's index and what it is for."""

import hashlib


def derive(campaign_seed: int, index: int, purpose: str) -> int:
    """A seed in [0, 2³¹) for one purpose of one experiment, the same after every restart."""
    text = f"{campaign_seed}/{index}/{purpose}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 33
