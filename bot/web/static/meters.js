/** Level meters: bars that follow a voice. They move by transform alone, so nothing is laid out. */

const SAY_MS = 500; // how often the value is told to assistive technology

export class Meters {
  /**
   * @param {import("./sound.js").Sound} sound
   * @param {{me: HTMLElement, them: HTMLElement}} bars role=meter, with a span inside each
   * @param {(levels: {me: number, them: number}) => void} [onLevels]
   */
  constructor(sound, bars, onLevels = () => {}) {
    this._sound = sound;
    this._bars = bars;
    this._onLevels = onLevels;
    this._running = 0;
    this._saidAt = 0;
  }

  start() {
    cancelAnimationFrame(this._running);
    const frame = (now) => {
      this._draw(this._sound.levels(), now);
      this._running = requestAnimationFrame(frame);
    };
    this._running = requestAnimationFrame(frame);
  }

  stop() {
    cancelAnimationFrame(this._running);
    this._draw({ me: 0, them: 0 }, Infinity);
  }

  _draw(levels, now) {
    const say = now - this._saidAt > SAY_MS;
    if (say) this._saidAt = now === Infinity ? 0 : now;
    for (const who of ["me", "them"]) {
      const bar = this._bars[who];
      bar.firstElementChild.style.setProperty("transform", `scaleX(${levels[who].toFixed(3)})`);
      if (say) bar.setAttribute("aria-valuenow", String(Math.round(levels[who] * 100)));
    }
    this._onLevels(levels);
  }
}
