/**
 * The socket of one room. It comes back by itself when it is lost, tells the bot what it has
 * heard already, and keeps what was to be said meanwhile. The call's audio does not depend on it.
 *
 * Events: "open"; "message" (detail: the message); "lost" (it will come back);
 * "closed" (detail: {code, reason, opened}; it will not).
 */

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
/** Codes after which there is nothing to come back for. */
const FINAL = new Set([1000, 1008, 1013, 4403, 4404]);

export class Signaling extends EventTarget {
  /** @param {string} origin @param {string} room @param {string} token */
  constructor(origin, room, token) {
    super();
    this._address = new URL(`/ws/signaling/${room}`, origin.replace(/^http/, "ws"));
    if (token) this._address.searchParams.set("token", token);
    /** @type {WebSocket|null} */
    this._socket = null;
    /** @type {object[]} */
    this._waiting = [];
    this._seq = 0; // of the last event that was heard
    this._wait = FIRST_WAIT_MS;
    this._timer = 0;
    this._opened = false;
    this._done = false;
    this._back = () => this._hurry();
    window.addEventListener("online", this._back);
  }

  get open() {
    return this._socket?.readyState === WebSocket.OPEN;
  }

  /** Is an offer waiting for the socket to come back? */
  get saysOffer() {
    return this._waiting.some(({ type }) => type === "offer");
  }

  connect() {
    if (this._done) return;
    clearTimeout(this._timer);
    const address = new URL(this._address);
    if (this._seq) address.searchParams.set("since", String(this._seq));
    const socket = new WebSocket(address);
    this._socket = socket;
    socket.onopen = () => this._onOpen(socket);
    socket.onmessage = (event) => this._onMessage(socket, event);
    socket.onclose = (event) => this._onClose(socket, event);
  }

  /** Says it now, or as soon as the socket is back. @param {object} message */
  send(message) {
    if (this.open) {
      this._socket.send(JSON.stringify(message));
      return;
    }
    if (message.type === "offer") this.forget(); // the older one is void, and so are its ways
    this._waiting.push(message);
  }

  /** Drops what waits of a negotiation that is void. */
  forget() {
    this._waiting = this._waiting.filter(({ type }) => type !== "offer" && type !== "ice-candidate");
  }

  close() {
    this._done = true;
    clearTimeout(this._timer);
    window.removeEventListener("online", this._back);
    this._socket?.close(1000);
  }

  _onOpen(socket) {
    if (socket !== this._socket || this._done) return;
    this._opened = true;
    this._wait = FIRST_WAIT_MS;
    const waiting = this._waiting;
    this._waiting = [];
    this.dispatchEvent(new CustomEvent("open"));
    for (const message of waiting) this.send(message);
  }

  _onMessage(socket, event) {
    if (socket !== this._socket || this._done) return;
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return;
    }
    if (typeof message.seq === "number") {
      if (message.seq <= this._seq) return; // told twice
      this._seq = message.seq;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  _onClose(socket, event) {
    if (socket !== this._socket || this._done) return;
    if (FINAL.has(event.code)) {
      this._done = true;
      window.removeEventListener("online", this._back);
      this.dispatchEvent(new CustomEvent("closed", { detail: { code: event.code, reason: event.reason } }));
      return;
    }
    this._timer = setTimeout(() => this.connect(), this._wait * (0.75 + Math.random() / 2));
    this._wait = Math.min(this._wait * 2, LONGEST_WAIT_MS);
    this.dispatchEvent(new CustomEvent("lost", { detail: { opened: this._opened } }));
  }

  /** The network is back: no reason to wait any longer. */
  _hurry() {
    const state = this._socket?.readyState;
    if (!this._done && (state === WebSocket.CLOSED || state === WebSocket.CLOSING)) this.connect();
  }
}
