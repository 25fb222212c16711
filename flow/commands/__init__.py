"""The commands of ``fewbit``, a file each: its options, its work or who does it, what it gives, and its table."""
