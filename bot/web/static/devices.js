/** Pickers for microphone and speaker, up to date when something is plugged in or out. */

import { canChooseSpeaker, devices, like, liked } from "./media.js";

const KINDS = { audioinput: "microphone", audiooutput: "speaker" };

/**
 * @param {HTMLSelectElement} microphone @param {HTMLSelectElement} speaker
 * @param {(kind: "audioinput"|"audiooutput", id: string) => void} onChoose
 */
export function devicePickers(microphone, speaker, onChoose) {
  const pickers = { audioinput: microphone, audiooutput: speaker };
  for (const [kind, picker] of Object.entries(pickers)) {
    picker.onchange = () => {
      like(kind, picker.value);
      onChoose(kind, picker.value);
    };
  }
  const refresh = async () => {
    await fill(microphone, "audioinput");
    await fill(speaker, "audiooutput");
    if (!canChooseSpeaker) {
      speaker.disabled = true;
      speaker.replaceChildren(new Option("As the system chooses", ""));
    }
  };
  navigator.mediaDevices?.addEventListener("devicechange", refresh);
  refresh();
  return refresh;
}

async function fill(picker, kind) {
  const found = (await devices(kind)).filter(({ deviceId }) => deviceId !== "default");
  const options = found.map(({ label, deviceId }, n) =>
    new Option(label || `${KINDS[kind]} ${n + 1}`, deviceId));
  picker.replaceChildren(new Option("As the system chooses", ""), ...options);
  const wanted = liked(kind);
  picker.value = found.some(({ deviceId }) => deviceId === wanted) ? wanted : "";
}
