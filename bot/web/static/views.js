/** The three faces of the telephone, in one place of the page: choose, live, note. */

import { help } from "./words.js";

const $ = (id) => document.getElementById(id);
const VIEWS = ["choose", "live", "note"];

/** @param {"choose"|"live"|"note"} name @param {HTMLElement|null} [focus] where the keyboard goes on */
export function show(name, focus = null) {
  const within = document.activeElement?.closest(".view");
  for (const each of VIEWS) $(`view-${each}`).toggleAttribute("data-off", each !== name);
  // only whoever was in the telephone already is taken along
  if (within && focus) focus.focus({ preventScroll: true });
}

/** @param {string} id @param {string} text only when it is another one, for it is read aloud */
export function put(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A note in place of the telephone.
 * @param {{title: string, text: string, steps?: string[], again?: string, back?: boolean, bad?: boolean, kind?: string}} note
 */
export function showNote({ title, text, steps = [], again = "Try again", back = true, bad = true, kind = "" }) {
  const heading = element("h1", title);
  heading.tabIndex = -1;
  const parts = [heading, element("p", text)];
  if (steps.length) {
    const list = document.createElement("ol");
    list.append(...steps.map((step) => element("li", step)));
    parts.push(list);
  }
  const count = element("p", "");
  count.id = "countdown";
  count.setAttribute("aria-live", "off"); // a clock that talks every second helps nobody
  parts.push(count);
  $("view-note").toggleAttribute("data-bad", bad);
  $("note").dataset.kind = kind;
  $("note").replaceChildren(...parts);
  $("again").textContent = again;
  $("again").hidden = !again;
  $("back").hidden = !back;
  show("note", heading);
}

/** @param {import("./problems.js").Problem} problem */
export function showProblem(problem) {
  const { title, text, steps } = help(problem.kind, problem.told);
  const waits = problem.kind === "busy" || problem.kind === "too_many";
  const hopeless = ["expired", "unsupported", "insecure"].includes(problem.kind);
  const again = hopeless ? "" : waits ? "Call now" : "Try again";
  showNote({ title, text, steps, again, back: !hopeless, bad: !waits, kind: problem.kind });
}

/** @param {string} tag @param {string} text */
export function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}
