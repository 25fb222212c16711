"""Boards, a file each, which registers its board."""
