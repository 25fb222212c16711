"""What one file may take of the machine: sizes, time, memory, each bounded and stated."""
