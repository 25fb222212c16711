"""Complete designs for boards, and the demonstration on them."""
