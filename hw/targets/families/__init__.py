"""The targets, a file for each family; every file registers its own."""
