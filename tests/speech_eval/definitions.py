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
  Models other than tiny.en hear every text by one of its two voices, in the same proportions.
- **Way to the model**: 2.5 s of the line, the utterance, 1 s of the line, through the codec, the
  bot's resampler, speech detector and segmenter; what is transcribed, and the noise that is learnt,
  is what a call would have. What the detector cuts off counts as an error.
- **Noise** is added before the codec; its level against the active level of the speech, both as a
  telephone carries them (8 kHz). Babble is eight of the voices talking at once.
- **Packet loss** is independent, 20 ms each; pjmedia conceals it as in a call.
- **Conditioned**: with the defaults of `[conditioning]`. The signal to noise that decides is the
  mean level of the speech frames over the level of the noise that was learnt from the line.
- **Speed**: median of nine, on one thread, the model in the same process, G.711 speech. *Four
  callers* speak 4 s at a time, independently, with 2 to 6 s between; *at once* they all end in the
  same instant, and the last one's whole wait is told. One model hears one utterance at a time.
  **Load** is what else the machine was doing: how many programs wanted a core in the last minute.
- **Memory**: resident, of a fresh process with both models loaded and used once.
"""

NOTES = """
- No person spoke here. espeak-ng is far from a human voice, and whisper hears it badly, on 8 kHz
  above all: read the rates by voice. The totals compare lines and settings; they do not foretell
  the rate of your callers.
- Noise suppression and its threshold were chosen on these utterances and this white noise: expect
  less from other noise. Differences of one or two points between variants are chance.
- Babble is no steady noise. Suppressing it in every utterance made things two points worse
  (tiny.en), and in single ones it made base repeat itself without end: only a steady noise is
  suppressed.
- The other seven steps are off by default. Of a high-pass after the noise suppression it was
  measured here that it takes half of the gain away; the others are there for lines that need them.
- Below 10 dB no local model is of use: the bot asks the caller to repeat.
"""
