"""The prose of docs/turns.md on the end of a turn."""

from __future__ import annotations

PAUSE_DEFINITIONS = """
**End of a turn, corpus.** 90 texts said in one go (questions, short answers to a question of the
bot, requests, statements) and 83 with one pause: after a conjunction, in mid-clause, after a
hesitation, after an opening ("If I come on Monday …"), and, a third of them (28), after a clause
that reads complete ("I would like an appointment … on Friday morning"), where no word tells that
more is to come. The rules on wording were made on 120 of these texts, each by a Piper pace and by
an espeak-ng voice. 53 fresh ones were written when the rules stood, with longer sentences on
purpose, and are said by one voice each; what they showed changed the rules once more (a long
statement may still be added to), so they are no clean hold-out, and real callers will differ.
What comes before a pause is spoken as if it went on (with a comma).
Pauses are 0.4 to 2.0 s, drawn log-uniformly: half are longer than 0.9 s, which is longer than
people's are; silence is put between two clips, so speech ends and begins where the clean clips
do (within 15.9 dB of the active level), not where a detector says so.

**End of a turn, call.** The bot greets or asks, the caller has one turn of real speech through
G.711 µ-law at 8 kHz and through G.722 at 16 kHz, clean and with white noise or babble 20 dB below
in turn, decided by the real engine with the real Whisper. A transcription takes 110 ms and 25 ms
for each second of audio, but 150 ms at least and 250 ms at most.

**Cut off.** The engine takes the turn for over before the caller's last word, whether or not the
bot is heard before the caller goes on (then the engine takes its reply back); of the turns with a
pause. Bot heard before the end: its voice begins before the caller's last word, with 320 ms for
model and voice.

**Wait.** From the end of the last word of what is said in one go to the moment the bot takes the
floor: transcription included, model and voice not.

**Trade-off.** Half of the same calls with `turn.min_silence_ms` changed;
what reads less complete waits longer by fixed steps, 2500 ms at most. Silence alone: `fixed` with
other values of `turn.silence_ms`, whatever the words are.

**Dictation.** Ten-digit numbers in two to five groups, mail addresses, dates and spelled names
with gaps of 300 to 900 ms, each asked for by the bot and not asked for, with a Piper pace and an
espeak-ng voice, through G.711, clean and 20 dB, `fixed` and `adaptive`. Cut: the turn ends before
the last group is said.
"""
