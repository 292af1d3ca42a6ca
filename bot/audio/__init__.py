"""DSP on frames and clips: pure functions and small state machines, no I/O, no clock."""
