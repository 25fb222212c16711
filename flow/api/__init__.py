"""The Python API: models, what is made of them, and what is known of both, as objects that notebooks show.

``import fewbit`` has what users call; docs/api.md is its page. The functions that do the work are those of the command
line, and what both take by default stands in `flow.defaults`.
"""
