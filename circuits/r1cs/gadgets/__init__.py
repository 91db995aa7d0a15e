"""Gadgets: what circuits are made of, one file each, with their constraints and why they are sound."""
