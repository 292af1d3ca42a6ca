"""The prose of docs/turns.md."""

from __future__ import annotations

HEAD = """
# Taking turns: what was measured

Made by `make eval-turns`; do not edit by hand. The figures are in `var/figures/turns.json` too.
Measured with {speech} on {system}, {cores} cores, Python {python}. All decisions are made by the
real engine on a virtual clock, so the machine's speed changes only the section on cost and the
one on the wire.
"""

DEFINITIONS = """
**Corpus.** 231 clips made by the repository: 64 interruptions (questions, corrections, stop
words, requests, ordinary sentences) and 28 back-channels, each by Piper's joe at three paces and
by eight espeak-ng voices in turn; coughs, throats cleared, sneezes, door slams, typing, clicks,
line pops, music and breath from noise, pulses and resonances. Seeds are fixed and Piper's random
melody is off: every run hears the same samples. Each clip has its own level between -30 and
-15 dBFS (active level, pauses left out as in ITU-T P.56).

**Line.** 8 kHz, G.711 µ-law and A-law in turn, hiss at -68 dBFS; for 20 and 10 dB white noise and
the babble of eight voices in turn, so far below the clip's active level, from the first moment of
the call on. Then the bot's own resampler to 48 kHz. The bot's voice goes back through G.711.

**Call.** The bot greets, the caller asks, the bot answers for about 15 s (real Piper speech at
-22 dBFS); 0.8 to 4.5 s into the answer the clip begins, at any sample. Checks are answered by
the real local Whisper after 150 ms: the median of a check on an idle machine with the way through
the speech worker. Turns are transcribed in 250 ms, the model takes 200 ms, the voice 120 ms.

**Onset.** The first 5 ms of the clean clip that are within 15.9 dB of its active level; not what
a detector makes of it.

**Interruptions stopped.** The bot gives up its reply between the onset and 1.5 s after the clip's
end. A call in which the bot never answers because of noise counts as not stopped.

**False stops.** A back-channel, cough or noise after which the bot gives up its reply, however
late; over clean lines and 20 dB together. 10 dB is told apart.

**Pause.** From the onset of an interruption to the first frame of the bot without sound; clean
and 20 dB. The engine's own: the leg adds its delays (on the wire, below).

**Resume gap.** Of what was no interruption: from the first silent frame to the next with voice.

**Stop words.** Hit: the reply is given up within 1.2 s of the onset of "stop", "wait", "excuse
me" and their like. False: a stop word is the reason for a stop where none was said.

**Echo.** 100 calls with the bot's own voice back after 40 to 400 ms, 6 to 30 dB weaker, smeared
over 16 ms, through G.711. Nobody speaks: any pause counts as interrupting itself. The same 100
with an interruption, each also without the echo: lost are those that stop the bot without the
echo and not with it.

**On the wire.** A bot as a process of its own, called over SIP by the caller in the box
(`bot call`), which interrupts reply after reply. Stop: from the caller's first voice to the last
of the bot's; against the bot's own recording of what went in and out of its engine, its leg's
delays added. Response: from the caller's last voice to the first of the bot's; against the ledger
of the store. The figure is the 95th percentile of the absolute difference over all of both.

**Voice activity.** Two seconds of the line alone, one of 64 sentences, a second of the line; each
20 ms frame is speech in truth if the clean clip is within 15.9 dB of its active level there. Both
detectors stand behind the same learnt level gate. *Lingers*: from the last frame of speech to the
last that is taken for it. *The line*: the first two seconds, in which the noise is learnt.

**Cost.** Processor time of one `CallEngine.step`, everything on, over calls with interruptions,
noise and echo; and of a scored conversation of 10 s as the tests run it.
"""
