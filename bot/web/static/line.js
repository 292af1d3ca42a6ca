/**
 * The audio of a call over whatever network there is: negotiates, and negotiates anew when packets
 * cease or the network changes. The bot keeps the call for a while without audio.
 *
 * Events: "stream" (detail: MediaStream, the bot's voice), "audio" (detail: does it flow?),
 * "lost" (detail: why it could not be brought back).
 */

import { callInfo } from "./api.js";
import { Peer } from "./peer.js";

const WEAK_MS = 1500; // packets may cease for so long before we look for another way
const CONNECT_MS = 6000; // for one attempt
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 4000;
const GIVE_UP_MS = 120_000; // the longest that a bot can be told to keep a call

export class Line extends EventTarget {
  /**
   * @param {import("./signaling.js").Signaling} signaling
   * @param {{origin: string, token: string, room: string, number: string, persona: string}} whom
   * @param {RTCIceServer[]} servers @param {MediaStream} microphone
   */
  constructor(signaling, whom, servers, microphone) {
    super();
    this._signaling = signaling;
    this._whom = whom;
    this._servers = servers;
    this._microphone = microphone;
    /** @type {Peer|null} carries the call */
    this._peer = null;
    /** @type {Peer|null} shall carry it */
    this._next = null;
    this._due = 0; // answers that are still to come; only the last one counts
    this._repairing = false;
    this._closed = false;
    this._weak = 0;
    this._type = navigator.connection?.type;
    this._kick = () => {};
    this._online = () => this._kick();
    this._network = () => this._networkChanged();
    window.addEventListener("online", this._online);
    navigator.connection?.addEventListener?.("change", this._network);
    signaling.addEventListener("open", () => this._socketIsBack());
    signaling.addEventListener("lost", () => { this._due = 0; });
  }

  /** Makes an offer and says it at once; ways to reach us follow as they are found. */
  async negotiate() {
    this._next?.close();
    this._signaling.forget();
    const peer = new Peer(this._servers, this._microphone);
    this._next = peer;
    peer.addEventListener("candidate", ({ detail }) => this._sayCandidate(detail));
    peer.addEventListener("stream", ({ detail }) => this._stream(peer, detail));
    peer.addEventListener("connected", () => this._connected(peer));
    peer.addEventListener("weak", () => this._weakened(peer));
    peer.addEventListener("failed", () => this._failed(peer));
    await peer.offer();
    if (peer === this._next && !this._closed) this._sayOffer(peer);
  }

  /** @param {string} sdp */
  answer(sdp) {
    this._due = Math.max(0, this._due - 1);
    if (!this._due) this._next?.accept(sdp).catch(() => this._kick());
  }

  /** The bot refused the last offer; the audio that there is goes on. */
  refused() {
    this._due = Math.max(0, this._due - 1);
  }

  /** @param {RTCIceCandidateInit|null} candidate */
  candidate(candidate) {
    (this._next ?? this._peer)?.add(candidate);
  }

  /** @param {MediaStream} microphone another one */
  async useMicrophone(microphone) {
    this._microphone = microphone;
    const [track] = microphone.getAudioTracks();
    await Promise.all([this._peer?.replace(track), this._next?.replace(track)]);
  }

  close() {
    this._closed = true;
    clearTimeout(this._weak);
    this._kick();
    window.removeEventListener("online", this._online);
    navigator.connection?.removeEventListener?.("change", this._network);
    this._peer?.close();
    this._next?.close();
    this._peer = this._next = null;
  }

  // ---- what is said

  _sayOffer(peer) {
    const { number, persona } = this._whom;
    this._due += 1;
    this._signaling.send({ type: "offer", sdp: peer.sdp, number, persona });
    for (const candidate of peer.candidates) this._sayCandidate(candidate);
  }

  _sayCandidate(candidate) {
    this._signaling.send({ type: "ice-candidate", candidate });
  }

  /** An answer that was on its way when the socket was lost does not come any more. */
  _socketIsBack() {
    if (this._next?.sdp && !this._next.answered && !this._signaling.saysOffer) this._sayOffer(this._next);
  }

  // ---- what becomes of a connection

  _stream(peer, stream) {
    peer.stream = stream;
    if (!this._peer || peer === this._peer) this._tell("stream", stream);
  }

  _connected(peer) {
    clearTimeout(this._weak);
    if (peer === this._next) {
      const old = this._peer;
      this._peer = peer;
      this._next = null;
      if (old) {
        if (peer.stream) this._tell("stream", peer.stream);
        old.close();
      }
    }
    if (peer === this._peer) this._tell("audio", true);
    this._kick();
  }

  _weakened(peer) {
    if (peer !== this._peer) return;
    this._tell("audio", false);
    clearTimeout(this._weak);
    this._weak = setTimeout(() => this._repair(), WEAK_MS);
  }

  _failed(peer) {
    if (peer === this._next && this._repairing) {
      this._kick(); // the repair under way tries again
    } else if (peer === this._peer || (peer === this._next && !this._peer)) {
      this._tell("audio", false);
      this._repair();
    }
  }

  /** Another network: the old way may die any moment, so the new one is made beside it. */
  _networkChanged() {
    const type = navigator.connection.type;
    if (type === this._type) return; // speed estimates change all the time
    this._type = type;
    if (this._peer && type !== "none") this._repair(true);
  }

  /** Negotiates anew until audio flows. @param {boolean} force also when it flows now */
  async _repair(force = false) {
    if (this._repairing || this._closed) return;
    this._repairing = true;
    const begun = performance.now();
    const old = this._peer;
    const done = () => this._closed || (this._peer?.connected && !(force && this._peer === old));
    for (let wait = FIRST_WAIT_MS; !done(); wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const { origin, token, room } = this._whom;
      const info = await callInfo(origin, token, room);
      if (done()) break;
      if (info?.state === "ended" || performance.now() - begun > GIVE_UP_MS) {
        this._tell("lost", info?.reason || "connection lost");
        break;
      }
      if (info) {
        await this.negotiate();
        if (!done()) await this._pause(CONNECT_MS);
      }
      if (!done()) await this._pause(wait);
    }
    this._repairing = false;
  }

  /** Waits, unless something happens that is worth a look. */
  _pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this._kick = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  _tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
