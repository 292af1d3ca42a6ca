/** What can keep a call from being made, told apart so that each gets its own help. */

/**
 * @typedef {"refused"|"missing"|"in_use"|"insecure"|"unsupported"|"busy"|"too_many"|"expired"
 *   |"not_found"|"unreachable"|"failed"} Kind
 */

export class Problem extends Error {
  /** @param {Kind} kind @param {string} told @param {number} [retryAfter] seconds */
  constructor(kind, told = "", retryAfter = 0) {
    super(told || kind);
    this.kind = kind;
    this.told = told;
    this.retryAfter = retryAfter;
  }
}

const OF_MICROPHONES = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "in_use",
  AbortError: "in_use",
};

/** What getUserMedia meant. @param {DOMException} error */
export function ofMicrophone(error) {
  return new Problem(OF_MICROPHONES[error.name] ?? "in_use", error.message);
}

const OF_CODES = { busy: "busy", forbidden: "expired", not_found: "not_found", too_many: "too_many" };

/** What the bot's error meant. @param {{code: string, text: string, retry_after_s?: number|null}} error */
export function ofError(error) {
  return new Problem(OF_CODES[error.code] ?? "failed", error.text, error.retry_after_s ?? 0);
}

/** Is there anything that no attempt could get around? @returns {Problem|null} */
export function ofThisBrowser() {
  if (!window.isSecureContext || !navigator.mediaDevices) return new Problem("insecure");
  if (!("RTCPeerConnection" in window)) return new Problem("unsupported");
  return null;
}
