/**
 * A call, without any page: microphone, signalling and audio of one conversation.
 *
 * Events: "state" (detail: {state, reason}), "transcript", "speaking", "latency", "digits" (detail:
 * the bot's message), "connection" (detail: {audio, events}), "problem" (detail: Problem; the call
 * is over), "notice" (detail: Problem; it goes on), "blocked" (the browser wants a click before it
 * lets sound out).
 */

import { HOME, askIceServers, callInfo, hangUp, iceServers } from "./api.js";
import { Line } from "./line.js";
import { openMicrophone, release } from "./media.js";
import { forget, keep, newRoom } from "./memory.js";
import { Problem, ofError } from "./problems.js";
import { Signaling } from "./signaling.js";
import { Sound } from "./sound.js";

const ICE_MS = 600; // a list of servers that takes longer would cost more than it brings
const ANSWER_MS = 15_000;
const REFUSALS = 3; // sockets that do not even open, before we say so
const LAST_WORDS_MS = 1500; // after hanging up: what was cut off is still told
const BEFORE_ANSWER = new Set(["connecting", "ringing", "ended"]);
const PASSED_ON = { transcript: "transcript", speaking_state: "speaking", latency: "latency", digits: "digits" };

export class Call extends EventTarget {
  /** @param {{origin?: string, token?: string, number?: string, persona?: string, sound?: Sound}} whom */
  constructor({ origin = HOME, token = "", number = "", persona = "", sound = new Sound() } = {}) {
    super();
    this.origin = origin;
    this.token = token;
    this.number = number;
    this.persona = persona;
    this.sound = sound;
    this.room = newRoom();
    /** @type {"idle"|"connecting"|"ringing"|"listening"|"thinking"|"speaking"|"paused"|"on_hold"|"ended"} */
    this.state = "idle";
    this.callId = "";
    this.answeredAt = 0; // of Date.now()
    this.muted = false;
    /** @type {MediaStream|null} */
    this._microphone = null;
    /** @type {Line|null} */
    this._line = null;
    /** @type {Signaling|null} */
    this._signaling = null;
    this._flow = { audio: true, events: true };
    this._refusals = 0;
    this._patience = 0;
  }

  /** Calls. To be used from a click, for browsers let sound begin there. */
  async start() {
    performance.mark("voice-bot:call");
    this.sound.wake();
    this._enter("connecting");
    try {
      const microphone = openMicrophone();
      this._openSocket(); // while the microphone is being opened
      await this._offer(await microphone);
    } catch (error) {
      this._fail(error);
    }
  }

  /** Goes on with a call of before a reload. @param {import("./memory.js").Kept} kept */
  async resume(kept) {
    this.room = kept.room;
    this.number = kept.number;
    this.persona = kept.persona;
    this.answeredAt = kept.answeredAt;
    const info = await callInfo(this.origin, this.token, this.room);
    if (info?.state === "ended") {
      forget(this.origin);
      return false;
    }
    await this.start();
    return true;
  }

  /** Keys as on a telephone. @param {string} digit one of 0-9 * # A-D */
  press(digit) {
    this._signaling?.send({ type: "digit", digit });
  }

  hangUp() {
    if (this.state === "ended" || this.state === "idle") return;
    if (this._line && this._signaling?.open) this._signaling.send({ type: "hang_up" });
    else if (this._line) hangUp(this.origin, this.token, this.room);
    this._end("caller hung up", LAST_WORDS_MS);
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    for (const track of this._microphone?.getTracks() ?? []) track.enabled = !muted;
  }

  /** Takes the microphone that is liked now. */
  async changeMicrophone() {
    if (!this._line) return;
    try {
      const old = this._microphone;
      this._useMicrophone(await openMicrophone());
      await this._line?.useMicrophone(this._microphone);
      release(old);
    } catch (error) {
      this._tell("notice", error);
    }
  }

  // ---- how it comes about

  async _offer(microphone) {
    if (this.state === "ended") return release(microphone);
    this._useMicrophone(microphone);
    const slow = new Promise((resolve) => setTimeout(resolve, ICE_MS, []));
    const servers = await Promise.race([iceServers(this.origin, this.token).catch(ofNoUse), slow]);
    if (this.state === "ended") return undefined;
    const line = new Line(this._signaling, this, servers, microphone);
    line.addEventListener("stream", ({ detail }) => this._voice(detail));
    line.addEventListener("audio", ({ detail }) => this._flows({ audio: detail }));
    line.addEventListener("lost", ({ detail }) => this._end(detail));
    this._line = line;
    this._patience = setTimeout(() => this._fail(new Problem("unreachable")), ANSWER_MS);
    return line.negotiate();
  }

  _useMicrophone(stream) {
    this._microphone = stream;
    this.mute(this.muted);
    this.sound.measure(stream);
    const [track] = stream.getAudioTracks();
    track.onended = () => this.changeMicrophone(); // unplugged: the system may have another one
  }

  _openSocket() {
    const signaling = new Signaling(this.origin, this.room, this.token);
    this._signaling = signaling;
    signaling.addEventListener("open", () => this._flows({ events: true }));
    signaling.addEventListener("message", ({ detail }) => this._take(detail));
    signaling.addEventListener("lost", ({ detail }) => this._socketLost(detail.opened));
    signaling.addEventListener("closed", ({ detail }) => this._socketClosed(detail));
    signaling.connect();
  }

  async _voice(stream) {
    if (!(await this.sound.play(stream)) && this.state !== "ended") this._tell("blocked");
  }

  // ---- what the bot says

  _take(message) {
    if (this.state === "ended" && message.type !== "transcript") {
      if (message.type === "agent_state" && message.state === "ended") this._signaling.close();
      return;
    }
    switch (message.type) {
      case "answer":
        clearTimeout(this._patience);
        this.callId = message.call_id;
        this._line?.answer(message.sdp);
        this._keep();
        break;
      case "ice-candidate": this._line?.candidate(message.candidate); break;
      case "error": this._refused(message); break;
      case "agent_state": this._agent(message); break;
      default:
        if (PASSED_ON[message.type]) this._tell(PASSED_ON[message.type], message);
    }
  }

  _agent({ state, reason, at }) {
    if (state === "ended") return this._end(reason);
    if (!this.answeredAt && !BEFORE_ANSWER.has(state)) {
      this.answeredAt = Date.now() - at * 1000;
      this._keep();
    }
    return this._enter(state);
  }

  /** Before the answer a refusal is the end of it; later the call goes on as it is. */
  _refused(error) {
    this._line?.refused();
    if (error.code === "bad_message" || error.code === "no_call") return;
    if (!this.callId) this._fail(ofError(error));
  }

  // ---- what becomes of the socket

  async _socketLost(opened) {
    this._flows({ events: false });
    if (opened || this.callId) return;
    try {
      await askIceServers(this.origin, this.token); // it may tell what the socket does not
      this._refusals += 1;
    } catch (problem) {
      if (problem.kind !== "unreachable") return this._fail(problem);
      this._refusals += 1;
    }
    if (this._refusals >= REFUSALS) this._fail(new Problem("unreachable"));
    return undefined;
  }

  async _socketClosed({ code, reason }) {
    if (this.state === "ended") return;
    if (code === 1013) this._fail(new Problem("busy"));
    else if (code === 4403) this._fail(new Problem("expired"));
    else if (!this.callId) this._fail(new Problem("failed"));
    else if (reason === "taken over") this._end(reason);
    else {
      const info = await callInfo(this.origin, this.token, this.room);
      this._end(info?.state === "ended" ? info.reason || "connection lost" : "taken over");
    }
  }

  // ---- states

  _flows(change) {
    const flow = { ...this._flow, ...change };
    if (flow.audio === this._flow.audio && flow.events === this._flow.events) return;
    this._flow = flow;
    if (this.state !== "ended") this._tell("connection", flow);
  }

  _enter(state, reason = "") {
    if (state === this.state) return;
    this.state = state;
    this._tell("state", { state, reason });
  }

  _keep() {
    const { origin, room, number, persona, answeredAt } = this;
    keep(origin, { room, number, persona, answeredAt });
  }

  _fail(error) {
    if (this.state === "ended") return;
    const problem = error instanceof Problem ? error : new Problem("failed");
    if (!(error instanceof Problem)) console.error(error);
    this._stop(0);
    this.state = "ended";
    this._tell("problem", problem);
  }

  _end(reason, linger = 0) {
    if (this.state === "ended") return;
    if (reason !== "taken over") forget(this.origin);
    this._stop(linger);
    this._enter("ended", reason);
  }

  _stop(linger) {
    clearTimeout(this._patience);
    if (this._microphone) this._microphone.getAudioTracks()[0].onended = null;
    release(this._microphone);
    this._line?.close();
    this.sound.stop();
    setTimeout(() => this._signaling?.close(), linger);
  }

  _tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Servers are of use or they are not; who may not call at all is told so now. */
function ofNoUse(problem) {
  if (problem.kind === "expired" || problem.kind === "too_many") throw problem;
  return [];
}
