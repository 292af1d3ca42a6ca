"""The conversation, pure: frames, inputs and `now` in; a frame and actions out."""
