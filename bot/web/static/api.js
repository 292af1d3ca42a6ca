/** The few things that are asked over HTTP. */

import { Problem } from "./problems.js";

/** Where these scripts came from is where the bot is, also on a page of another site. */
export const HOME = new URL(import.meta.url).origin;

/** @type {Map<string, Promise<RTCIceServer[]>>} */
const known = new Map();

/**
 * STUN and TURN servers to use; asked once, so that a call need not wait for it. Rejects with a
 * Problem when the bot lets nobody in or is not there.
 * @param {string} origin @param {string} token
 */
export function iceServers(origin, token) {
  const key = `${origin} ${token}`;
  if (!known.has(key)) {
    const asking = askIceServers(origin, token);
    known.set(key, asking);
    asking.catch(() => known.delete(key)); // the next call asks again
  }
  return known.get(key);
}

/** Would the bot let us in? Throws Problem. A socket that is refused does not tell why. */
export async function askIceServers(origin, token) {
  const response = await asked(origin, "/api/ice", token);
  if (response.status === 401 || response.status === 403) throw new Problem("expired");
  if (response.status === 429) throw new Problem("too_many", "", retryAfter(response));
  if (!response.ok) throw new Problem("unreachable");
  return (await response.json()).iceServers;
}

/**
 * How a room's call is going; null when nobody could tell.
 * @returns {Promise<{state: string, reason: string}|null>}
 */
export async function callInfo(origin, token, room) {
  try {
    const response = await asked(origin, `/api/calls/${room}`, token);
    if (response.status === 404) return { state: "ended", reason: "" };
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** Ends a room's call where there is no socket to say so. */
export function hangUp(origin, token, room) {
  fetch(address(origin, `/api/calls/${room}`, token), { method: "DELETE", keepalive: true })
    .catch(() => {}); // the bot notices by itself that nobody is there
}

function address(origin, path, token) {
  const url = new URL(path, origin);
  if (token) url.searchParams.set("token", token);
  return url;
}

async function asked(origin, path, token) {
  try {
    return await fetch(address(origin, path, token), { cache: "no-store" });
  } catch {
    throw new Problem("unreachable");
  }
}

const retryAfter = (response) => Number(response.headers.get("Retry-After")) || 15;
