"""The C driver of the IP block, as sources that are written beside the block's header."""
