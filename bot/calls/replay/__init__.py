"""What a tape is for: the same call again (`exact`), or under other settings (`what_if`)."""
