"""``fewbit compare``: the same network in float32 and in few bits."""
