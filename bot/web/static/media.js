/** Microphones and speakers: to get one, to list them, to remember which one is liked. */

import { ofMicrophone, ofThisBrowser } from "./problems.js";

const SPEECH = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
const LIKED = "voice-bot-devices";

/** The microphone, asking for it if need be. Throws Problem. @returns {Promise<MediaStream>} */
export async function openMicrophone() {
  const wrong = ofThisBrowser();
  if (wrong) throw wrong;
  try {
    return (await openLiked()) ?? (await navigator.mediaDevices.getUserMedia({ audio: SPEECH }));
  } catch (error) {
    throw ofMicrophone(error);
  }
}

/** The one that was chosen; null when none was, or when it was left at home. */
async function openLiked() {
  const id = liked("audioinput");
  if (!id) return null;
  try {
    // without `exact` Chromium may take another one
    return await navigator.mediaDevices.getUserMedia({ audio: { ...SPEECH, deviceId: { exact: id } } });
  } catch (error) {
    if (error.name === "OverconstrainedError" || error.name === "NotFoundError") return null;
    throw error;
  }
}

/** @param {MediaStream|null} stream */
export function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * Devices of a kind. Before the permission browsers tell neither ids nor names: then the list is
 * empty, and the system's choice it is.
 * @param {"audioinput"|"audiooutput"} kind
 */
export async function devices(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((each) => each.kind === kind && each.deviceId);
}

/** Can this browser send sound to a speaker of one's choice? */
export const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

/** The device that was chosen last. @param {string} kind @returns {string} "" for the system's */
export function liked(kind) {
  return read()[kind] ?? "";
}

/** @param {string} kind @param {string} id */
export function like(kind, id) {
  try {
    localStorage.setItem(LIKED, JSON.stringify({ ...read(), [kind]: id }));
  } catch {
    // a browser that keeps nothing forgets the choice with the page
  }
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(LIKED) ?? "{}") ?? {};
  } catch {
    return {};
  }
}

/** "granted", "denied", "prompt"; "unknown" where the browser does not tell. */
export async function permission(onChange) {
  try {
    const status = await navigator.permissions.query({ name: "microphone" });
    if (onChange) status.onchange = () => onChange(status.state);
    return status.state;
  } catch {
    return "unknown";
  }
}
