"""TensorFlow Lite: integer models whose reference is the interpreter's reference kernels."""
