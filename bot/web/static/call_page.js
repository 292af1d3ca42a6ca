/** The call page: what is clicked becomes a call, what happens in it becomes visible. */

import { HOME, iceServers } from "./api.js";
import { Call } from "./call.js";
import { devicePickers } from "./devices.js";
import { keypad } from "./keypad.js";
import { showLatency } from "./latency.js";
import { permission } from "./media.js";
import { kept } from "./memory.js";
import { Meters } from "./meters.js";
import { ofThisBrowser } from "./problems.js";
import { Sound } from "./sound.js";
import { Transcript } from "./transcript.js";
import { put, show, showNote, showProblem } from "./views.js";
import { clock, help, reasonWords, stateWords } from "./words.js";

const $ = (id) => document.getElementById(id);
const token = $("talk").dataset.token;
const form = $("view-choose");
const sound = new Sound();
const transcript = new Transcript($("transcript"), (empty) => { $("nothing").hidden = !empty; });
const meters = new Meters(sound, { me: $("meter-me"), them: $("meter-them") }, showLevels);
const keys = keypad($("keypad"), (digit) => call?.press(digit));
const refreshDevices = devicePickers($("microphone"), $("speaker"), (kind, id) => {
  if (kind === "audiooutput") sound.useSpeaker(id);
  else call?.changeMicrophone();
});

/** @type {Call|null} */
let call = null;
let name = "Bot";
let ticking = 0;
let counting = 0;
let heardYet = false;

// ---- a call begins

/** @param {(call: Call) => Promise<unknown>} begin */
function dial(begin, whom) {
  clearInterval(counting);
  call = new Call({ token, sound, ...whom });
  name = whom.name || "Bot";
  put("with", name);
  put("bot", name);
  transcript.clear();
  keys.clear();
  openKeypad(false);
  mute(false);
  put("timer", clock(0));
  put("hint", "\u00a0");
  heardYet = false;
  follow(call);
  return begin(call);
}

function follow(mine) {
  const on = (type, react) => mine.addEventListener(type, ({ detail }) => {
    if (mine === call) react(detail);
  });
  on("state", (detail) => entered(detail));
  on("transcript", (said) => transcript.put(said, name));
  on("latency", (latency) => showLatency($("last-latency"), $("latency"), latency));
  on("digits", ({ digits }) => hint(`The bot pressed ${digits}.`));
  on("connection", (flow) => connection(flow));
  on("notice", (problem) => hint(help(problem.kind, problem.told).title));
  on("blocked", () => hint("Click anywhere to hear the call."));
  on("problem", (problem) => failed(problem));
}

function chosen() {
  const { number, persona, name: called } = form.elements.whom.length
    ? [...form.elements.whom].find((each) => each.checked).dataset
    : form.elements.whom.dataset;
  return { number, persona, name: called };
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  begin();
});

/** What was interrupted by a reload or by a refused microphone is gone on with. */
function begin() {
  const wrong = ofThisBrowser();
  if (wrong) return failed(wrong);
  const old = kept(HOME);
  if (!old) return dial((mine) => mine.start(), chosen());
  return dial((mine) => mine.resume(old), named(old)).then((goesOn) => {
    if (!goesOn) dial((mine) => mine.start(), chosen());
  });
}

/** @param {{number: string, persona: string}} whom */
function named({ number, persona }) {
  const input = [...form.querySelectorAll("input[name=whom]")].find(
    ({ dataset }) => dataset.number === number && dataset.persona === persona,
  );
  if (input) input.checked = true;
  return { number, persona, name: input?.dataset.name };
}

// ---- what happens in it

function entered({ state, reason }) {
  $("talk").dataset.state = state;
  if (state === "ended") return ended(reason);
  put("state", stateWords(state));
  put("said-aloud", stateWords(state));
  if (state === "connecting") {
    show("live", $("with"));
    meters.start();
    clearInterval(ticking);
    ticking = setInterval(tick, 250);
  } else {
    refreshDevices(); // they have names now
  }
  return undefined;
}

function tick() {
  if (call?.answeredAt) put("timer", clock((Date.now() - call.answeredAt) / 1000));
}

function connection({ audio, events }) {
  $("talk").toggleAttribute("data-weak", !audio);
  if (!audio) hint("The connection is weak. We are bringing it back…");
  else if (!events) hint("You can go on talking; the transcript will catch up.");
  else hint("");
}

function hint(text) {
  put("hint", text || "\u00a0");
  if (text) put("said-aloud", text);
}

function showLevels({ me, them }) {
  $("halo").style.setProperty("transform", `scale(${(1 + them * 0.45).toFixed(3)})`);
  $("you").classList.toggle("loud", me > 0.25);
  if (them > 0.2 && !heardYet) {
    heardYet = true;
    performance.mark("voice-bot:heard");
  }
}

// ---- it ends

function over() {
  clearInterval(ticking);
  meters.stop();
  openKeypad(false);
  $("talk").removeAttribute("data-weak");
}

function ended(reason) {
  over();
  const length = call.answeredAt ? ` It lasted ${clock((Date.now() - call.answeredAt) / 1000)}.` : "";
  put("said-aloud", "");
  showNote({
    title: "Call ended", text: `${reasonWords(reason)}${length}`, again: "Call again", bad: false,
  });
}

function failed(problem) {
  over();
  $("talk").dataset.state = "ended";
  put("said-aloud", "");
  showProblem(problem);
  if (problem.kind === "busy" || problem.kind === "too_many") countDown(problem.retryAfter || 15);
}

function countDown(from) {
  clearInterval(counting);
  let left = from;
  const tell = () => put("countdown", `Calling again in ${left} s`);
  tell();
  counting = setInterval(() => {
    left -= 1;
    if (left > 0) tell();
    else begin();
  }, 1000);
}

$("again").addEventListener("click", () => begin());
$("back").addEventListener("click", () => {
  clearInterval(counting);
  show("choose", form.querySelector("button"));
});

// ---- buttons

function mute(muted) {
  $("mute").setAttribute("aria-pressed", String(muted));
  $("talk").toggleAttribute("data-muted", muted);
  call?.mute(muted);
}

function openKeypad(open) {
  const was = !$("keypad").hasAttribute("data-off");
  $("keys").setAttribute("aria-expanded", String(open));
  $("keypad").toggleAttribute("data-off", !open);
  $("face").toggleAttribute("data-off", open);
  if (open) keys.focus();
  else if (was && $("keypad").contains(document.activeElement)) $("keys").focus();
}

$("mute").addEventListener("click", () => mute($("mute").getAttribute("aria-pressed") !== "true"));
$("keys").addEventListener("click", () => openKeypad($("keypad").hasAttribute("data-off")));
$("keypad").addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  openKeypad(false);
  $("keys").focus();
});
$("hang-up").addEventListener("click", () => call?.hangUp());

// ---- the page is here

const wrong = ofThisBrowser();
if (wrong) failed(wrong);
else {
  iceServers(HOME, token).catch(() => {}); // known before the click; its failure is told after it
  permission((now) => {
    if (now === "granted" && $("note").dataset.kind === "refused") show("choose");
  });
  const old = kept(HOME);
  if (old) {
    show("live");
    put("state", "Coming back…");
    dial((mine) => mine.resume(old), named(old)).then((goesOn) => { if (!goesOn) show("choose"); });
  }
}
