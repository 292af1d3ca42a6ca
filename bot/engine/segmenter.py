"""Cut the caller's audio into utterances: onset, pre-roll, the samples up to the last word."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bot.audio.frame import FRAME_S, Frame, Samples
from bot.audio.metrics import UtteranceMetrics
from bot.audio.vad import Heard
from bot.engine.echo_signal import Signal, without_echo

PRE_ROLL_FRAMES = 15  # 300 ms before the onset: the first syllable and its breath
ONSET_WINDOW = 5  # an onset is ONSET_FRAMES of speech within so many frames:
ONSET_FRAMES = 3  # a click has one or two
TAIL_S = 0.2  # silence kept after the last speech; whisper likes a little


@dataclass(slots=True)
class Utterance:
    """The caller audio of one turn so far. Times are seconds of media time."""

    utterance_id: str  # bound when capture starts, kept through transcription and record
    started: float  # start of the first speech frame
    speech_end: float  # end of the latest speech frame
    speech_s: float  # how much of it was speech
    frames: list[Frame] = field(default_factory=list)
    echoes: list[Signal | None] = field(default_factory=list)  # of our voice in each frame
    captured_from: float = 0.0  # media time of the first kept frame
    metrics: UtteranceMetrics = field(default_factory=UtteranceMetrics)

    def samples(self) -> Samples:
        """All of it up to TAIL_S after the last speech, at BUS_HZ, less the echo of our voice."""
        keep = max(round((self.speech_end + TAIL_S - self.captured_from) / FRAME_S), 1)
        return without_echo(self.frames[:keep], self.echoes[:keep])

    def quiet_s(self, now: float) -> float:
        """Silence since the last speech."""
        return now - self.speech_end


class Segmenter:
    """Fed every frame; `current` is the utterance being captured, None between utterances."""

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._count = 0
        self._recent: deque[tuple[Frame, Signal | None, bool]] = deque(
            maxlen=PRE_ROLL_FRAMES + ONSET_WINDOW
        )
        self.current: Utterance | None = None

    def feed(
        self,
        frame: Frame,
        speech: bool,
        now: float,
        heard: Heard | None = None,
        echo: Signal | None = None,
    ) -> None:
        """Take in the frame that ends at `now`; what was heard in it goes into the metrics.

        `echo`: what of the frame is our own voice, None where none is expected.
        """
        if self.current is not None:
            self.current.frames.append(frame)
            self.current.echoes.append(echo)
            if speech:
                self.current.speech_end = now
                self.current.speech_s += FRAME_S
                if heard is not None:
                    self.current.metrics.add(frame, heard)
            return
        self._recent.append((frame, echo, speech))
        window = list(self._recent)[-ONSET_WINDOW:]
        spoken = [index for index, (*_, was_speech) in enumerate(window) if was_speech]
        if len(spoken) >= ONSET_FRAMES:
            self._begin(now, len(spoken), len(window) - spoken[0])

    def _begin(self, now: float, speech_frames: int, frames_ago: int) -> None:
        kept = [frame for frame, *_ in self._recent]
        echoes = [echo for _, echo, _ in self._recent]
        self._recent.clear()
        self._count += 1
        self.current = Utterance(
            utterance_id=f"{self._call_id}-u{self._count}",
            started=now - frames_ago * FRAME_S,
            speech_end=now,
            speech_s=speech_frames * FRAME_S,
            frames=kept,
            echoes=echoes,
            captured_from=now - len(kept) * FRAME_S,
        )

    def take(self) -> Utterance:
        """The current utterance, finished; capture starts anew."""
        assert self.current is not None, "take() without an utterance"
        taken, self.current = self.current, None
        return taken

    def drop(self) -> None:
        """Forget the current utterance: a cough, or a barge-in that was none."""
        self.current = None
