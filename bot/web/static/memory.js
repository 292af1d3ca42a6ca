/**
 * The call of this tab, remembered over a reload. Only this tab knows it, and only until it ends:
 * whoever knows a room can take its call over.
 */

/**
 * @typedef {{room: string, number: string, persona: string, name: string, answeredAt: number}} Kept
 */

const key = (origin) => `voice-bot-call ${origin}`;

/** @param {string} origin @param {Kept} call */
export function keep(origin, call) {
  try {
    sessionStorage.setItem(key(origin), JSON.stringify(call));
  } catch {
    // the call goes on, a reload ends it
  }
}

/** @param {string} origin @returns {Kept|null} */
export function kept(origin) {
  try {
    return JSON.parse(sessionStorage.getItem(key(origin)) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} origin */
export function forget(origin) {
  try {
    sessionStorage.removeItem(key(origin));
  } catch {
    // nothing was kept
  }
}

/** A room nobody can guess: 24 signs of 6 bits. */
export function newRoom() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}
