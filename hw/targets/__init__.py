"""What a design is made of: operators for any synthesis, or the primitives of a family of FPGAs, a file each."""
