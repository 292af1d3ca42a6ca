/** Microphones and speakers: to get one, to list them, to remember which one is liked. */

import { ofMicrophone, ofThisBrowser } from "./problems.js";

const SPEECH = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
const LIKED = "voice-bot-devices";

/** The microphone, asking for it if need be. Throws Problem. @returns {Promise<MediaStream>} */
export async function openMicrophone() {
  const wrong = ofThisBrowser();
  if (wrong) throw wrong;
  const id = liked("audioinput");
  // no `exact`: who left the liked headset at home is to be heard all the same
  const audio = id ? { ...SPEECH, deviceId: id } : SPEECH;
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw ofMicrophone(error);
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
