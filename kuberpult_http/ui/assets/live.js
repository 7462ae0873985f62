// A page that shows what is now stays right: what is published is shown within a second, and nothing else moves.
//
// `data-live` on the body says how: "page" is asked for again, of "rows" only those that changed, a "plan" says
// that it may be out of date, and "off" stays as it is. Only a page that is looked at listens, because a browser
// keeps few connections to one server.

import { age } from "./ages.js";

const PAUSE = 150; // milliseconds, so that commits published together are looked at once
const BACK_OFF = [1000, 2000, 5000, 10_000];

let source = null;
let failures = 0;
let due = null;
let rows = new Set();
let isWhole = false;
let isShowing = false;

export function keepRight() {
  const how = document.body.dataset.live;
  if (how === "off" || "past" in document.body.dataset) return;
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", listen);
  if (!document.hidden) listen();
}

function rest() {
  source?.close();
  source = null;
}

function listen() {
  if (source) return;
  const since = document.body.dataset.commit;
  source = new EventSource(`/api/events${since ? `?since=${since}` : ""}`);
  source.addEventListener("open", () => { failures = 0; say(""); });
  source.addEventListener("commit", (event) => news(JSON.parse(event.data)));
  source.addEventListener("reset", () => { isWhole = true; soon(); });
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CONNECTING) { say("Not connected; trying again."); return; }
    rest();
    say("Not connected; trying again.");
    setTimeout(() => { if (!document.hidden) listen(); }, BACK_OFF[Math.min(failures++, BACK_OFF.length - 1)]);
  });
}

/** What is not as it should be; nothing if all is well. */
export function say(text) {
  const place = document.getElementById("liveness");
  if (place && place.textContent !== text) place.textContent = text;
}

function news(commit) {
  document.body.dataset.commit = commit.commit;
  if (document.body.dataset.live === "plan") { outdated(); return; }
  const touched = commit.facts.map((fact) => (isOfOneRow(fact) ? fact.application : null));
  if (document.body.dataset.live !== "rows" || touched.includes(null)) isWhole = true;
  for (const name of touched) if (name) rows.add(name);
  soon();
}

// What a fact of these kinds changes is seen in the row of its service; anything else may be seen anywhere.
const OF_ONE_ROW = new Set(["Deployed", "Undeployed"]);

function isOfOneRow(fact) {
  return OF_ONE_ROW.has(fact.kind) && typeof fact.application === "string";
}

function soon() {
  due ??= setTimeout(show, PAUSE);
}

/** Look again: what was just shown is of another commit than the newest that is known. */
export function lookAgain() {
  isWhole = true;
  soon();
}

// One answer is waited for at a time, so that an older one never comes after a newer one.
async function show() {
  due = null;
  if (isShowing) { soon(); return; }
  isShowing = true;
  const wanted = isWhole || rows.size > 20 ? null : [...rows];
  rows = new Set();
  isWhole = false;
  try {
    await replace(wanted);
    say("");
  } catch {
    say("Not connected; trying again.");
    isWhole = true;
    setTimeout(soon, 2000);
  } finally {
    isShowing = false;
  }
}

async function replace(wanted) {
  const here = location.href;
  const address = new URL(here);
  address.searchParams.delete("done");
  for (const name of wanted ?? []) address.searchParams.append("row", name);
  const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (answer.redirected) { location.reload(); return; } // the session is over
  if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (location.href !== here) { lookAgain(); return; } // somebody has filtered meanwhile
  age(page);
  age(document);
  if (wanted) patchRows(page, wanted);
  else patch(page);
  patchFooter(page);
  document.dispatchEvent(new CustomEvent("kuberpult:shown"));
}

// Rows that are there stay there; one that came or went makes the page be asked for as a whole.
function patchRows(page, wanted) {
  for (const name of wanted) {
    const selector = `[data-live-id="${CSS.escape(name)}"]`;
    const [old, fresh] = [document.querySelector(selector), page.querySelector(selector)];
    if (old && fresh) exchange(old, fresh);
    else if (old || fresh) { isWhole = true; soon(); }
  }
}

// Pieces with a name are exchanged where they differ, so that nothing moves that did not change.
function patch(page) {
  const [main, next] = [document.getElementById("main"), page.getElementById("main")];
  if (!main || !next) return;
  const ids = (root) => [...root.querySelectorAll("[data-live-id]")].map((it) => it.dataset.liveId).join("\n");
  if (ids(main) && ids(main) === ids(next) && sameAround(main, next)) {
    const fresh = [...next.querySelectorAll("[data-live-id]")];
    [...main.querySelectorAll("[data-live-id]")].forEach((old, number) => exchange(old, fresh[number]));
  } else if (sameAround(main, next) && isOneList(main) && isOneList(next)) {
    merge(main.querySelector("[data-live-id]").parentElement, [...next.querySelectorAll("[data-live-id]")]);
  } else if (!isInUse(main)) {
    exchangeAll(main, next);
  } else {
    offer();
  }
}

function sameAround(main, next) {
  const around = (root) => {
    const copy = root.cloneNode(true);
    for (const it of copy.querySelectorAll("[data-live-id], .notice.good")) it.remove();
    return copy.textContent.replace(/\s+/g, " ");
  };
  return around(main) === around(next);
}

function isOneList(root) {
  const items = [...root.querySelectorAll("[data-live-id]")];
  return items.length > 0 && items.every((it) => it.parentElement === items[0].parentElement);
}

// What came is put in, what went is taken out, and all else stays where it is: nothing that is opened closes.
function merge(list, wanted) {
  const known = new Map([...list.querySelectorAll(":scope > [data-live-id]")].map((it) => [it.dataset.liveId, it]));
  const kept = [];
  let place = null;
  for (const fresh of wanted) {
    const old = known.get(fresh.dataset.liveId);
    known.delete(fresh.dataset.liveId);
    const next = place ? place.nextElementSibling : list.firstElementChild;
    if (old) {
      if (old !== next) list.insertBefore(old, next);
      place = old;
      kept.push([old, fresh]);
      continue;
    }
    place = document.importNode(fresh, true);
    place.classList.add("fresh");
    list.insertBefore(place, next);
  }
  for (const gone of known.values()) gone.remove();
  for (const [old, fresh] of kept) exchange(old, fresh);
}

// Somebody who is typing, or has something opened, is not disturbed.
function isInUse(main) {
  const active = document.activeElement;
  const isTyping = main.contains(active) && active.matches("input:not([type=hidden]), textarea, select");
  return isTyping || [...main.querySelectorAll("input, textarea")].some((it) => it.type !== "hidden" && it.value !== it.defaultValue);
}

function exchange(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const focus = old.contains(document.activeElement) ? [...old.querySelectorAll("a, button")].indexOf(document.activeElement) : -1;
  const copy = document.importNode(fresh, true);
  const opened = [...old.querySelectorAll("details")].map((it) => it.open);
  [...copy.querySelectorAll("details")].forEach((it, number) => { it.open = opened[number] ?? it.open; });
  old.classList.remove("fresh");
  if (old.isEqualNode(copy)) return;
  copy.classList.add("fresh");
  old.replaceWith(copy);
  if (focus >= 0) copy.querySelectorAll("a, button")[focus]?.focus({ preventScroll: true });
}

function exchangeAll(main, next) {
  const opened = [...main.querySelectorAll("details")].map((it) => it.open);
  const scrolled = [...main.querySelectorAll(".scroller")].map((it) => [it.scrollLeft, it.scrollTop]);
  const notice = main.querySelector(":scope > .notice.good");
  const focused = document.activeElement?.id;
  main.replaceChildren(...[...next.childNodes].map((it) => document.importNode(it, true)));
  if (notice) main.prepend(notice);
  [...main.querySelectorAll("details")].forEach((it, number) => { if (number in opened) it.open = opened[number]; });
  [...main.querySelectorAll(".scroller")].forEach((it, number) => {
    if (number in scrolled) [it.scrollLeft, it.scrollTop] = scrolled[number];
  });
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function patchFooter(page) {
  const [old, fresh] = [document.querySelector(".bottom > p"), page.querySelector(".bottom > p")];
  if (old && fresh) old.replaceWith(document.importNode(fresh, true));
}

function notice(text, word, address) {
  if (document.getElementById("moved")) return;
  const box = document.createElement("div");
  box.id = "moved";
  box.className = "notice warn";
  box.setAttribute("role", "status");
  const line = document.createElement("p");
  const link = document.createElement("a");
  link.href = address;
  link.textContent = word;
  line.append(text, " ", link);
  box.append(line);
  document.getElementById("main")?.prepend(box);
}

function outdated() {
  notice("Something was published since this plan was made. It only runs if it would still do the same.", "Plan it again", location.href);
}

function offer() {
  notice("Something was published. What you have typed was left alone.", "Show it as it is now", location.href);
}
