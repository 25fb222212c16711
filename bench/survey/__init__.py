"""The survey of quantization methods: ``docs/survey.md``."""
