"""A VITS as small as it can be, made on the spot: its weights are random, its code is Coqui's own.

Two speakers, p225 and p226. What they say is noise, but as long and as loud as speech, and the same
each time.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from bot.providers.coqui_models import standing_in

SPEAKERS = ("p225", "p226")
RATE_HZ = 22_050
FRAMES_PER_SIGN = 2.3  # of 256 samples; rounded up, and there is a blank between two signs
NAME = "tts_models/en/vctk/vits"


@dataclass(frozen=True)
class TinyVits:
    model: Path
    config: Path

    @property
    def section(self) -> dict[str, str]:
        """[coqui] of a configuration that names it."""
        return {"model": str(self.model), "config": str(self.config)}


def make_tiny_vits(folder: Path) -> TinyVits:
    """model.pth, config.json and speakers.json in `folder`, a few hundred kilobytes."""
    with standing_in():
        import torch
        from TTS.config.shared_configs import BaseAudioConfig
        from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
        from TTS.tts.models.vits import Vits

    speakers = folder / "speakers.json"
    speakers.write_text(json.dumps({name: number for number, name in enumerate(SPEAKERS)}))
    settings = VitsConfig(
        model_args=VitsArgs(
            use_speaker_embedding=True, speakers_file=str(speakers), speaker_embedding_channels=4,
            hidden_channels=8, hidden_channels_ffn_text_encoder=8, num_heads_text_encoder=2,
            num_layers_text_encoder=1, num_layers_flow=1, num_layers_posterior_encoder=1,
            upsample_initial_channel_decoder=32, init_discriminator=False, use_sdp=False,
            inference_noise_scale=0.0,
        ),
        audio=BaseAudioConfig(sample_rate=RATE_HZ), speakers_file=str(speakers),
        use_phonemes=True, phonemizer="espeak", phoneme_language="en-us",
        text_cleaner="english_cleaners", phoneme_cache_path=str(folder / "phonemes"),
    )  # fmt: skip
    torch.manual_seed(225)
    vits = Vits(settings)
    with torch.no_grad():
        vits.duration_predictor.proj.weight.zero_()
        vits.duration_predictor.proj.bias.fill_(math.log(FRAMES_PER_SIGN))
        vits.waveform_decoder.conv_post.weight.mul_(3.0)
        for number in range(len(SPEAKERS)):
            vits.emb_g.weight[number] = 1.0 + 4.0 * number
    made = TinyVits(folder / "model.pth", folder / "config.json")
    settings.save_json(str(made.config))
    torch.save({"model": vits.state_dict()}, made.model)
    return made
