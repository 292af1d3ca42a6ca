"""Processes: who runs where, and what happens when one dies."""
