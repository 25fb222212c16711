"""The commands of ``fewbit``: options, and what is printed."""
