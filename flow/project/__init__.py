"""A model on its way to hardware, each step kept until its inputs change."""
