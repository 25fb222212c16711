"""How designs of boards are made: a file a class of boards, which registers its maker."""
