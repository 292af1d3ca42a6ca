/**
 * What was said, turn by turn. Of a reply the heard part stands out; what was cut off is struck
 * through, for the caller never heard it.
 */

/**
 * @param {{text: string, heard: string, interrupted: boolean}} said of the bot
 * @returns {{heard: string, rest: string}}
 */
export function split({ text, heard }) {
  if (text.startsWith(heard)) return { heard, rest: text.slice(heard.length) };
  return { heard, rest: "" }; // spoken in other words than written: "8" was "eight"
}

export class Transcript {
  /** @param {HTMLElement} log @param {(empty: boolean) => void} [onEmpty] */
  constructor(log, onEmpty = () => {}) {
    this._log = log;
    this._onEmpty = onEmpty;
    /** @type {Map<string, HTMLElement>} */
    this._entries = new Map();
    this.clear();
  }

  clear() {
    this._entries.clear();
    this._log.replaceChildren();
    this._onEmpty(true);
  }

  /** @param {{turn: number, who: string, text: string, heard: string, interrupted: boolean}} said @param {string} name of the bot */
  put(said, name) {
    if (!said.text && !said.heard) return;
    const atEnd = this._isAtEnd();
    const entry = this._entry(said, name);
    entry.querySelector("p").replaceChildren(...(said.who === "agent" ? reply(said) : [said.text]));
    entry.toggleAttribute("data-cut", said.interrupted);
    this._onEmpty(false);
    if (atEnd) this._log.scrollTop = this._log.scrollHeight;
  }

  _entry(said, name) {
    const order = said.turn * 2 + (said.who === "agent" ? 1 : 0);
    const key = String(order);
    let entry = this._entries.get(key);
    if (entry) return entry;
    entry = document.createElement("div");
    entry.className = `said ${said.who === "agent" ? "bot" : "caller"}`;
    entry.dataset.order = key;
    entry.dataset.who = said.who;
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = said.who === "agent" ? name : "You";
    entry.append(who, document.createElement("p"));
    const later = [...this._log.children].find((each) => Number(each.dataset.order) > order);
    this._log.insertBefore(entry, later ?? null);
    this._entries.set(key, entry);
    return entry;
  }

  /** Whoever has scrolled up to read is left there. */
  _isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this._log;
    return scrollHeight - scrollTop - clientHeight < 48;
  }
}

function reply(said) {
  const { heard, rest } = split(said);
  if (!rest.trim()) return said.interrupted ? [heard, " ", cutMark()] : [heard];
  if (!said.interrupted) {
    const coming = document.createElement("span");
    coming.className = "coming";
    coming.textContent = rest;
    return [heard, coming];
  }
  const cut = document.createElement("s");
  cut.textContent = rest.trimStart();
  return [heard.trimEnd(), " ", unseen("(cut off; not heard: "), cut, unseen(")")];
}

function cutMark() {
  const mark = document.createElement("span");
  mark.className = "cut-mark";
  mark.textContent = "(cut off)";
  return mark;
}

function unseen(text) {
  const span = document.createElement("span");
  span.className = "unseen";
  span.textContent = text;
  return span;
}
