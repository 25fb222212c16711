"""Import: from a model file to the integer network, one walk over its operators."""
