"""Folding: PE and SIMD of every layer, what they cost, and the search for a target."""
