"""``fewbit demo``: a page, or a pad in the terminal, to draw in and see what the accelerator makes of it."""
