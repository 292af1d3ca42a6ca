/**
 * `<voice-bot number="1000">` for any page: a button that becomes a call.
 *
 *     <script type="module" src="https://bot.example/talk.js"></script>
 *     <voice-bot number="1000" label="Talk to us"></voice-bot>
 *
 * Attributes: number or persona, token (a call link's), label, server (another origin than this
 * script's). Events, which bubble: "voicebot-state" (detail: {state, reason}),
 * "voicebot-transcript" (detail: the bot's message), "voicebot-problem" (detail: {kind, text}).
 * Methods: call(), hangUp(), mute(muted), press(digit). The bot has to name the page's origin in
 * `web.origins`.
 */

import { HOME } from "./api.js";
import { Call } from "./call.js";
import { Meters } from "./meters.js";
import { ofThisBrowser } from "./problems.js";
import { Sound } from "./sound.js";
import { SHEET } from "./talk_style.js";
import { Transcript } from "./transcript.js";
import { help, reasonWords, stateWords } from "./words.js";

const LABEL = "Talk to us";
const NAME = "Bot";

/** @param {string} tag @param {Record<string, string>} attributes @param {(Node|string)[]} children */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function meter(label) {
  const bar = make("div", {
    class: "meter", role: "meter", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100",
    "aria-valuenow": "0",
  }, make("span"));
  return bar;
}

export class VoiceBot extends HTMLElement {
  static observedAttributes = ["label"];

  constructor() {
    super();
    /** @type {Call|null} */
    this._call = null;
    this._sound = new Sound();
    this._build();
  }

  /** "idle", then as in agent_state. */
  get state() {
    return this._call?.state ?? "idle";
  }

  attributeChangedCallback() {
    this._start.textContent = this.getAttribute("label") || LABEL;
  }

  disconnectedCallback() {
    this.hangUp();
  }

  /** Calls; to be used from a click. */
  async call() {
    if (this._call && !["idle", "ended"].includes(this._call.state)) return;
    const wrong = ofThisBrowser();
    if (wrong) {
      this._trouble(wrong);
      return;
    }
    const call = new Call({
      origin: this.getAttribute("server") || HOME,
      token: this.getAttribute("token") ?? "",
      number: this.getAttribute("number") ?? "",
      persona: this.getAttribute("persona") ?? "",
      sound: this._sound,
    });
    this._call = call;
    this._transcript.clear();
    this._muted(false);
    const on = (type, react) => call.addEventListener(type, ({ detail }) => {
      if (call === this._call) react(detail);
    });
    on("state", (detail) => this._entered(detail));
    on("transcript", (said) => this._said(said));
    on("problem", (problem) => this._trouble(problem));
    on("notice", (problem) => this._tell(help(problem.kind, problem.told).title));
    on("blocked", () => this._tell("Click anywhere to hear the call."));
    await call.start();
  }

  hangUp() {
    this._call?.hangUp();
  }

  /** @param {boolean} muted */
  mute(muted) {
    this._muted(muted);
    this._call?.mute(muted);
  }

  /** @param {string} digit one of 0-9 * # */
  press(digit) {
    this._call?.press(digit);
  }

  // ---- how it looks

  _build() {
    this._start = make("button", { type: "button", class: "start" }, LABEL);
    this._state = make("p", { class: "state", role: "status" });
    this._me = meter("You");
    this._them = meter(NAME);
    this._mute = make("button", { type: "button", "aria-pressed": "false" }, "Mute");
    this._stop = make("button", { type: "button", class: "bad" }, "Hang up");
    const log = make("div", { class: "log", role: "log", "aria-label": "Conversation", tabindex: "0" });
    const words = make("details", {}, make("summary", {}, "Conversation"), log);
    this._panel = make("div", { class: "panel", hidden: "" }, this._state,
      make("div", { class: "meters" }, this._me, this._them),
      make("div", { class: "controls" }, this._mute, this._stop), words);
    this._note = make("p", { class: "note", role: "alert" });
    this._transcript = new Transcript(log);
    this._meters = new Meters(this._sound, { me: this._me, them: this._them });
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [SHEET]; // no style in the page: its policy may forbid that
    root.append(this._start, this._panel, this._note);
    this._start.addEventListener("click", () => this.call());
    this._stop.addEventListener("click", () => this.hangUp());
    this._mute.addEventListener("click", () => this.mute(!this._call?.muted));
  }

  _entered({ state, reason }) {
    const over = state === "ended";
    this._panel.hidden = over;
    this._start.hidden = !over;
    this._state.textContent = stateWords(state);
    this._panel.dataset.state = state;
    if (state === "connecting") {
      this._tell("");
      this._meters.start();
      this._stop.focus();
    }
    if (over) {
      this._meters.stop();
      this._tell(reasonWords(reason));
    }
    this._dispatch("voicebot-state", { state, reason });
  }

  _said(said) {
    this._transcript.put(said, NAME);
    this._dispatch("voicebot-transcript", said);
  }

  _trouble(problem) {
    const { title, text, steps } = help(problem.kind, problem.told);
    this._panel.hidden = true;
    this._start.hidden = false;
    this._meters.stop();
    this._tell([`${title}.`, text, ...steps].join(" "));
    this._dispatch("voicebot-problem", { kind: problem.kind, text: title });
  }

  _muted(muted) {
    this._mute.setAttribute("aria-pressed", String(muted));
  }

  _tell(text) {
    this._note.textContent = text;
  }

  _dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("voice-bot")) customElements.define("voice-bot", VoiceBot);
