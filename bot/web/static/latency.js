/** How long the last answer took, and of what that time was made. */

import { PARTS, seconds } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;

/**
 * @param {HTMLOutputElement} total @param {HTMLElement} place for bar and legend
 * @param {{total_ms: number, parts_ms: Record<string, number>}} latency
 */
export function showLatency(total, place, { total_ms, parts_ms }) {
  total.value = seconds(total_ms);
  const parts = Object.entries(PARTS).filter(([name]) => parts_ms[name] > 0);
  const whole = parts.reduce((sum, [name]) => sum + parts_ms[name], 0) || 1;
  const bar = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${WIDTH} 8`, preserveAspectRatio: "none" })) {
    bar.setAttribute(name, value);
  }
  bar.setAttribute("aria-hidden", "true"); // the legend has the same in words
  let x = 0;
  const legend = document.createElement("dl");
  for (const [name, title] of parts) {
    const width = (parts_ms[name] / whole) * WIDTH;
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", name);
    for (const [key, value] of Object.entries({ x, y: 0, width, height: 8 })) rect.setAttribute(key, String(value));
    bar.append(rect);
    x += width;
    legend.append(row(name, title, parts_ms[name]));
  }
  place.replaceChildren(bar, legend);
}

function row(name, title, ms) {
  const made = document.createElement("div");
  const term = document.createElement("dt");
  const chip = document.createElement("span");
  chip.className = `chip ${name}`;
  term.append(chip, ` ${title}`);
  const value = document.createElement("dd");
  value.textContent = `${Math.round(ms)} ms`;
  made.append(term, value);
  return made;
}
