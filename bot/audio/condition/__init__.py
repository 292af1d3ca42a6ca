"""Conditioning of an utterance before it is transcribed: eight steps, and who gets them."""
