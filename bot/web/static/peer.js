/**
 * One RTCPeerConnection: our microphone out, the bot's voice in.
 *
 * A call that moves to another network gets a new one instead of an ICE restart: the same path as
 * after a reload, and no browser has to change certificates in mid-air.
 *
 * Events: "candidate" (detail: RTCIceCandidateInit or null), "stream" (detail: MediaStream),
 * "connected", "weak" (no packets just now), "failed".
 */
export class Peer extends EventTarget {
  /** @param {RTCIceServer[]} iceServers @param {MediaStream} microphone */
  constructor(iceServers, microphone) {
    super();
    this.connected = false;
    this.answered = false;
    /** What was offered, to be said again when the socket was lost before the answer. */
    this.sdp = "";
    /** @type {(RTCIceCandidateInit|null)[]} */
    this.candidates = [];
    /** @type {(RTCIceCandidateInit|null)[]} */
    this._early = [];
    this._connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    const connection = this._connection;
    for (const track of microphone.getAudioTracks()) connection.addTrack(track, microphone);
    connection.onicecandidate = ({ candidate }) => this._candidate(candidate?.toJSON() ?? null);
    connection.ontrack = ({ track, streams }) =>
      this._tell("stream", streams[0] ?? new MediaStream([track]));
    connection.oniceconnectionstatechange = () => this._changed();
    connection.onconnectionstatechange = () => this._changed();
  }

  /** @returns {Promise<string>} the offer; candidates follow as they are found */
  async offer() {
    await this._connection.setLocalDescription();
    this.sdp = this._connection.localDescription.sdp;
    return this.sdp;
  }

  /** @param {string} sdp the bot's answer */
  async accept(sdp) {
    if (this.answered) return;
    this.answered = true;
    await this._connection.setRemoteDescription({ type: "answer", sdp });
    for (const candidate of this._early.splice(0)) await this.add(candidate);
  }

  /** @param {RTCIceCandidateInit|null} candidate a way to reach the bot */
  async add(candidate) {
    if (!this._connection.remoteDescription) {
      this._early.push(candidate);
      return;
    }
    try {
      await this._connection.addIceCandidate(candidate ?? undefined);
    } catch {
      // one way less; others may do
    }
  }

  /** @param {MediaStreamTrack} track another microphone */
  async replace(track) {
    await Promise.all(this._connection.getSenders().map((sender) => sender.replaceTrack(track)));
  }

  close() {
    const connection = this._connection;
    connection.onicecandidate = connection.ontrack = null;
    connection.oniceconnectionstatechange = connection.onconnectionstatechange = null;
    connection.close();
  }

  _candidate(candidate) {
    this.candidates.push(candidate);
    if (this.sdp) this._tell("candidate", candidate);
  }

  _changed() {
    const { iceConnectionState: ice, connectionState: all } = this._connection;
    if (ice === "failed" || all === "failed") this._tell("failed");
    else if (ice === "disconnected" || all === "disconnected") {
      this.connected = false;
      this._tell("weak");
    } else if (all === "connected" && !this.connected) {
      this.connected = true;
      this._tell("connected");
    }
  }

  _tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
