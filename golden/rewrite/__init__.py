"""Rewrites of a network that change no output, and make its hardware smaller."""
