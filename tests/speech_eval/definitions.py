"""The words of docs/speech.md that are no figures."""

from __future__ import annotations

HEAD = """
# How well and how fast the bot hears

Drawn by `make eval-speech` from its own figures (`var/figures/speech.json`); edit
`tests/speech_eval/`, not this file. Measured on {cores} cores, {system}, Python {python}.
"""

DEFINITIONS = """
- **Word error rate**: words to put in, leave out or replace, over all words said, after both texts
  were brought to small letters and numbers to words ("240" is "two hundred forty", "3861" is read
  digit by digit). Nothing else is forgiven: "I've" for "I have" is an error.
- **Utterances**: 64 texts of this repository, each by Piper (voice joe at three paces) and by
  another voice: flite's slt, awb and rms (made of recordings of people) or four of espeak-ng.
  Their active level (ITU-T P.56) lies between -30 and -18 dBFS.
- **Way to the model**: 2.5 s of the line, the utterance, 1 s of the line, through the codec, the
  bot's resampler, speech detector and segmenter; what is transcribed, and the noise that is learnt,
  is what a call would have. What the detector cuts off counts as an error.
- **Noise** is added before the codec; its level against the active level of the speech, both as a
  telephone carries them (8 kHz). Babble is eight of the voices talking at once.
- **Packet loss** is independent, 20 ms each; pjmedia conceals it as in a call.
- **Conditioned**: with the defaults of `[conditioning]`. The signal to noise that decides is the
  mean level of the speech frames over the level of the noise that was learnt from the line.
- **Noise of other draws**: the line with white noise at 10 dB twice more, each time with other
  noise than the suppression was made on. In the end two kinds of suppression were compared there
  as well.
- **Speed**: median of nine, on one thread, the model in the same process, G.711 speech; from the
  samples at 16 kHz to the words, without conditioning and without the way over the socket. Of
  Piper: from the clause "We open at eight from Monday to Friday," to its first samples. A clause
  is made whole, so a longer one takes longer. *Four callers* speak 4 s at a time, independently,
  with 2 to 6 s between; *at once* they all end in the same instant, and the last one's whole wait
  is told. Two utterances are heard at a time where there are two cores. **Load** is what else the
  machine was doing: how many programs wanted a core in the last minute.
- **Memory**: resident, of `python -m bot speech` asked over its socket: four callers speak 7 s and
  are spoken to at once, twice, then 28 s are heard. The most ever is the kernel's VmHWM.
"""

NOTES = """
- No person spoke here. espeak-ng is far from a human voice, and whisper hears it badly, on 8 kHz
  above all: read the rates by voice. The totals compare lines and settings; they do not foretell
  the rate of your callers.
- Noise suppression, its threshold and the limit that tells a steady noise (1.5 dB) were fitted on
  this corpus, its white noise and its babble: expect less from other noise. With another draw of
  the noise the gain on the same utterances differs by several points, so the row of the noise no
  setting was chosen on stands beside that of the corpus.
- Babble is no steady noise. Suppressing it in every utterance made things two points worse
  (tiny.en), and in single ones it made base repeat itself without end: only a steady noise is
  suppressed.
- The other seven steps are off by default. Of a high-pass after the noise suppression it was
  measured here that it takes half of the gain away; the others are there for lines that need them.
- Below 10 dB no local model is of use: the bot asks the caller to repeat.
"""

TRIED = """
White noise at 10 dB, half of the texts (64 utterances) with two draws of the noise, change against
the audio as it came in points, an utterance counted with no more errors than it has words. Each has
a standard error of 1.7: the order of neighbours is chance.

| suppression | tiny.en | base |
|---|---|---|
| **log-spectral amplitude (Ephraim and Malah 1985), rest at -30 dB, memory .96** | +0.6 | -1.7 |
| the same, rest at -20 dB | -0.7 | -1.4 |
| the same, rest at -15 dB | +0.8 | -2.6 |
| the same, rest at -10 dB | +1.1 | -1.5 |
| the same, 10 % kept as it came | -0.5 | -1.5 |
| the same, 20 % kept | +0.9 | -3.4 |
| the same, 30 % kept | +0.4 | -2.2 |
| the same, memory .98 | +0.7 | +0.3 |
| the same, memory .92 | -1.9 | -0.5 |
| the same, window of 48 ms | -0.5 | -2.1 |
| the same, window of 64 ms | +1.3 | -0.3 |
| Wiener, rest at -30 dB | +0.6 | +3.9 |
| Wiener, rest at -15 dB | -1.2 | -1.8 |
| one filter for the whole utterance | +3.7 | +5.7 |
| none, 12 dB softer | +1.3 | +3.8 |
| none, peak at .9 | +0.1 | -1.8 |
| none, speech band raised by 3 dB | +1.2 | -1.4 |
| none, above 1.5 kHz 6 dB lower | +0.6 | -1.9 |
| *and then the peak at .9:* | | |
| log-spectral amplitude, rest at -30 dB | -0.2 | -1.3 |
| the same, 20 % kept | -1.9 | -2.4 |
| the same, 20 % kept, levelled to -16 dBFS | -3.1 | -1.1 |
| the same, 20 % kept, memory .92 | -3.5 | -2.3 |
| the same, 20 % kept, memory .85 | -2.9 | -2.2 |
| Wiener, 10 % kept, memory .92 | -2.4 | -1.5 |
| Wiener, 20 % kept, memory .92 | -3.9 | -2.9 |
| Wiener, 20 % kept, memory .85 | -3.7 | -1.3 |
| Wiener in two steps (Plapous 2006), 20 % kept, memory .96 | -1.7 | -3.5 |

The first row is what the bot does. The best of these, Wiener with 20 % kept, is another trade, not
a better one, where nothing was chosen (384 utterances, four other draws, change in points): tiny.en
-3.5 with it and -5.6 with the first row, base -1.7 and +.5. On the corpus itself it is -2.3 and
-4.7, base -2.4 and -4.3. tiny.en is the model the bot comes with, so the first row stayed.
With the peak raised in babble too, base was .6 points worse there. Hearing
both, as it came and conditioned, and believing the likelier text gained tiny.en another half point
for twice the time.
"""
