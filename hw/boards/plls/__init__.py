"""PLLs, a file for each family of FPGAs."""
