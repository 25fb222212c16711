"""The accelerator: from a folded network to stages joined by streams."""
