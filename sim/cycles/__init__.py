"""The cycle model: when every result comes, and how deep every queue must be."""
