/** Twelve keys, for fingers and for the keyboard. */

const KEYS = [
  ["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"],
  ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", ""], ["#", ""],
];
const NAMES = { "*": "star", "#": "pound" };
const PRESSED_MS = 140;

/**
 * Fills `place` with the keys. A key of the keyboard counts while the focus is among them.
 * @param {HTMLElement} place @param {(digit: string) => void} onPress
 */
export function keypad(place, onPress) {
  const shown = document.createElement("output");
  shown.className = "dialled";
  shown.setAttribute("aria-label", "Keys pressed");
  const buttons = new Map(KEYS.map(([digit, letters]) => [digit, button(digit, letters)]));
  const press = (digit) => {
    shown.value = `${shown.value}${digit}`.slice(-16);
    onPress(digit);
  };
  for (const [digit, each] of buttons) each.onclick = () => press(digit);
  place.replaceChildren(shown, ...buttons.values());
  place.addEventListener("keydown", (event) => {
    const pressed = buttons.get(event.key);
    if (!pressed || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    event.preventDefault();
    pressed.setAttribute("data-down", "");
    setTimeout(() => pressed.removeAttribute("data-down"), PRESSED_MS);
    press(event.key);
  });
  return {
    /** Another call begins. */
    clear: () => { shown.value = ""; },
    focus: () => buttons.get("5").focus({ preventScroll: true }),
  };
}

function button(digit, letters) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "key";
  made.dataset.digit = digit;
  if (NAMES[digit]) made.setAttribute("aria-label", NAMES[digit]);
  const sign = document.createElement("span");
  sign.textContent = digit;
  const small = document.createElement("small");
  small.textContent = letters;
  small.setAttribute("aria-hidden", "true");
  made.append(sign, small);
  return made;
}
