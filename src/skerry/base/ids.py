"""Identifiers that are read aloud, pasted and searched for. The randomness is the caller's."""

from __future__ import annotations

from random import Random

# Crockford's base 32: no I, L, O, U, so that nothing is misread over the telephone
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def short(random: Random, characters: int = 8) -> str:
    """An id for people: 5 bits a character, 8 characters are enough to find a bug report."""
    return "".join(random.choices(ALPHABET, k=characters))


def token(random: Random) -> str:
    """A secret of 256 bits. Hand in a `random.SystemRandom`; anything else is for tests."""
    return random.randbytes(32).hex()
