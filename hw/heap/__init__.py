"""The bit heap: what a lane of any pair of formats adds to it, and how it is compressed."""
