/**
 * What is heard and how loud: the bot's voice on a speaker, and the level of both sides.
 *
 * An AudioContext is for measuring only. Where it does not run (no gesture yet after a reload) the
 * voice is heard all the same and the meters rest.
 */

import { canChooseSpeaker, liked } from "./media.js";

const FLOOR_DB = -58; // a quiet room
const FULL_DB = -12; // somebody speaks up
const FALL = 0.82; // of the bar per frame, so that it sinks and does not flicker

export class Sound {
  constructor() {
    this._audio = new Audio();
    this._audio.autoplay = true;
    /** @type {AudioContext|null} */
    this._context = null;
    /** @type {{me: Ear|null, them: Ear|null}} */
    this._ears = { me: null, them: null };
    this._wake = () => this.wake();
  }

  /** To be called from a click: browsers let sound begin there. */
  wake() {
    try {
      this._context ??= new AudioContext({ latencyHint: "interactive" });
      if (this._context.state === "suspended") this._context.resume().catch(() => {});
    } catch {
      this._context = null; // too many of them, or none here
    }
    if (this._audio.srcObject && this._audio.paused) this._audio.play().catch(() => {});
  }

  /** @param {MediaStream} stream the bot's voice @returns {Promise<boolean>} false: a click is wanted */
  async play(stream) {
    this._audio.srcObject = stream;
    this._listen("them", stream);
    await this.useSpeaker(liked("audiooutput"));
    for (const type of ["pointerdown", "keydown"]) {
      document.addEventListener(type, this._wake, { once: true, capture: true });
    }
    try {
      await this._audio.play();
      return true;
    } catch (error) {
      return error.name !== "NotAllowedError";
    }
  }

  /** @param {MediaStream} stream the microphone */
  measure(stream) {
    this._listen("me", stream);
  }

  /** @param {string} id "" for the system's choice */
  async useSpeaker(id) {
    if (!canChooseSpeaker || this._audio.sinkId === id) return;
    await this._audio.setSinkId(id).catch(() => {}); // it was unplugged: the system's choice stays
  }

  /** Levels from 0 to 1, to be read once per picture. */
  levels() {
    return { me: this._ears.me?.level() ?? 0, them: this._ears.them?.level() ?? 0 };
  }

  /** Silence; another call may follow. */
  stop() {
    this._audio.srcObject = null;
    this._ears.me?.close();
    this._ears.them?.close();
    this._ears = { me: null, them: null };
    for (const type of ["pointerdown", "keydown"]) {
      document.removeEventListener(type, this._wake, { capture: true });
    }
  }

  _listen(who, stream) {
    this._ears[who]?.close();
    this._ears[who] = null;
    this.wake();
    if (this._context && stream.getAudioTracks().length) {
      this._ears[who] = new Ear(this._context, stream);
    }
  }
}

class Ear {
  constructor(context, stream) {
    this._source = context.createMediaStreamSource(stream);
    this._analyser = new AnalyserNode(context, { fftSize: 1024 });
    this._source.connect(this._analyser);
    this._samples = new Float32Array(this._analyser.fftSize);
    this._level = 0;
  }

  level() {
    this._analyser.getFloatTimeDomainData(this._samples);
    let power = 0;
    for (const sample of this._samples) power += sample * sample;
    const db = 10 * Math.log10(power / this._samples.length + 1e-12);
    const now = Math.min(1, Math.max(0, (db - FLOOR_DB) / (FULL_DB - FLOOR_DB)));
    this._level = Math.max(now, this._level * FALL);
    if (this._level < 0.01) this._level = 0;
    return this._level;
  }

  close() {
    this._source.disconnect();
  }
}
