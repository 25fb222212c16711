"""The report of a build: one page that opens offline. A section is a file with its figures, and a template."""
