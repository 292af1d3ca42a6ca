/** The look of `<voice-bot>`; a page changes it through --voice-bot-accent and its own font. */

export const SHEET = new CSSStyleSheet();
SHEET.replaceSync(`
:host {
  --accent: var(--voice-bot-accent, #1a6351); --on: #fff; --card: #fff; --ink: #1c211f;
  --quiet: #5b635f; --line: #dedcd3; --bad: #b3362a; --track: #e7e6df;
  display: inline-block; max-width: 22rem; color: var(--ink); font: inherit; line-height: 1.4;
}
@media (prefers-color-scheme: dark) {
  :host {
    --accent: var(--voice-bot-accent, #79cbb4); --on: #0e1f1a; --card: #1d211f; --ink: #e9ece9;
    --quiet: #a4ada8; --line: #343a37; --bad: #ff9c8d; --track: #2c302d;
  }
}
[hidden] { display: none !important; }
button {
  min-height: 2.75rem; padding: 0 1.2rem; border: 1px solid var(--line); border-radius: 1.4rem;
  background: var(--card); color: var(--ink); font: inherit; font-weight: 600; cursor: pointer;
}
button.start { border: 0; background: var(--accent); color: var(--on); }
button.bad { border-color: var(--bad); color: var(--bad); }
button[aria-pressed="true"] { background: var(--ink); color: var(--card); }
:is(button, summary, .log):focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.panel {
  display: grid; gap: .7rem; min-width: 15rem; padding: 1rem; border: 1px solid var(--line);
  border-radius: 16px; background: var(--card);
}
p { margin: 0; }
.state { font-weight: 600; }
.note { color: var(--quiet); font-size: .9rem; }
.note:not(:empty) { margin-top: .5rem; }
.meters { display: grid; gap: .35rem; }
.meter { height: 6px; overflow: hidden; border-radius: 3px; background: var(--track); }
.meter span {
  display: block; height: 100%; background: var(--accent); transform: scaleX(0);
  transform-origin: left;
}
.controls { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; }
summary { min-height: 2rem; cursor: pointer; color: var(--quiet); font-size: .9rem; }
.log { max-height: 14rem; overflow-y: auto; }
.said { padding: .35rem 0; overflow-wrap: anywhere; }
.who { display: block; color: var(--quiet); font-size: .8rem; font-weight: 600; }
.said :is(s, .coming, .cut-mark) { color: var(--quiet); }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
`);
