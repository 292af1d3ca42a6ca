/** Every word that the scripts of the call say to a person, in one place. */

/** @param {string} state of the bot, whose name stands above */
export function stateWords(state) {
  switch (state) {
    case "connecting": return "Connecting…";
    case "ringing": return "Ringing…";
    case "listening": return "Listening";
    case "thinking": return "Thinking…";
    case "speaking": return "Speaking";
    case "paused": return "Paused – go ahead";
    case "on_hold": return "On hold";
    case "ended": return "Call ended";
    default: return "";
  }
}

const REASONS = {
  "caller hung up": "You hung up.",
  "the bot hung up": "The other side hung up.",
  "taken over": "The call goes on in another tab or window.",
  "connection lost": "The connection was lost and could not be brought back.",
  "nobody came": "The call was not taken up in time.",
  "crashed": "Something went wrong on our side. Please call again.",
};

/** Why a call ended, as a sentence. @param {string} reason as the record has it */
export function reasonWords(reason) {
  if (REASONS[reason]) return REASONS[reason];
  if (reason.startsWith("line failed")) return REASONS["connection lost"];
  if (!reason) return "";
  return `${reason[0].toUpperCase()}${reason.slice(1)}${/[.!?]$/.test(reason) ? "" : "."}`;
}

/**
 * What went wrong and what a person can do about it.
 * @param {string} kind see Problem in problems.js @param {string} told the bot's own words
 * @returns {{title: string, text: string, steps: string[]}}
 */
export function help(kind, told = "") {
  const again = "Then try again.";
  switch (kind) {
    case "refused": return {
      title: "The microphone is blocked",
      text: "This browser does not let the page listen, so nobody would hear you.",
      steps: ["Click the microphone or lock sign beside the address.",
        "Set the microphone to “Allow”.", again],
    };
    case "missing": return {
      title: "No microphone found",
      text: "The call needs one, and this device does not offer any.",
      steps: ["Plug in a headset or switch on the microphone.", again],
    };
    case "in_use": return {
      title: "The microphone is busy",
      text: "Another program holds it, or the system does not hand it out.",
      steps: ["Close other calls and recorders.",
        "Look into the system's privacy settings, whether the browser may use the microphone.", again],
    };
    case "insecure": return {
      title: "This address is not secure",
      text: "Browsers hand the microphone to pages with https only, or to pages of this very machine.",
      steps: ["Open the page with https:// in front.",
        "Or, on the machine the bot runs on, open http://localhost with the same port.",
        "Whoever runs the bot can switch on https with web.tls_cert and web.tls_key."],
    };
    case "unsupported": return {
      title: "This browser cannot call",
      text: "It lacks WebRTC.", steps: ["Use a current Chrome, Edge, Firefox or Safari."],
    };
    case "busy": return {
      title: "All lines are busy",
      text: "Everybody is talking at the moment. We call again for you as soon as a line may be free.",
      steps: [],
    };
    case "too_many": return {
      title: "A moment, please", text: told || "There were many calls from your address just now.",
      steps: [],
    };
    case "expired": return {
      title: "This link is no longer valid",
      text: "It has expired or is incomplete. Whoever gave it to you can send a new one.", steps: [],
    };
    case "not_found": return {
      title: "Nobody answers here", text: told || "Nobody answers that number.", steps: [],
    };
    case "unreachable": return {
      title: "The bot cannot be reached",
      text: "Either you are offline or it is being restarted.",
      steps: ["Check your connection.", again],
    };
    default: return {
      title: "The call failed", text: told || "Something went wrong on our side.", steps: [again],
    };
  }
}

export const PARTS = {
  silence: "silence wait", stt: "speech to text", llm: "language model", tts: "text to speech",
  out: "to the wire",
};

/** 1240 → "1.24 s" @param {number} ms */
export const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** 65 → "1:05" @param {number} s */
export function clock(s) {
  const whole = Math.max(0, Math.floor(s));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
