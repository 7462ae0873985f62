// Filters that work as one types or chooses; without scripts, the button does the same.

import { lookAgain, say } from "./live.js";

const PAUSE = 250;

let due = null;
let latest = 0;

/** Listens for all forms, those that come later too: what is published may exchange the whole page. */
export function filters() {
  document.addEventListener("input", later);
  document.addEventListener("change", later);
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-filters]")) return;
    event.preventDefault();
    clearTimeout(due);
    apply(event.target);
  });
  window.addEventListener("pagehide", () => clearTimeout(due));
}

function later(event) {
  const form = event.target.form;
  if (!form?.matches("[data-filters]")) return;
  clearTimeout(due);
  due = setTimeout(() => apply(form), PAUSE);
}

function addressOf(form) {
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value !== "") address.searchParams.append(name, value);
  return address;
}

async function apply(form) {
  const number = ++latest;
  const address = addressOf(form);
  let answer;
  let text;
  try {
    answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
    text = await answer.text();
  } catch {
    if (number === latest) { say("Not connected; trying again."); due = setTimeout(() => apply(form), 2000); }
    return;
  }
  if (number !== latest) return;
  if (answer.redirected) { location.assign(address); return; }
  const page = new DOMParser().parseFromString(text, "text/html");
  const next = page.getElementById("main");
  const main = document.getElementById("main");
  if (!next || !main) { location.assign(address); return; }
  history.replaceState(null, "", address);
  exchange(main, next, form);
  say("");
  if (page.body.dataset.commit !== document.body.dataset.commit) lookAgain();
  document.dispatchEvent(new CustomEvent("kuberpult:shown"));
}

// The form stays as it is, because somebody types in it; what is around it is exchanged.
function exchange(main, next, form) {
  const around = form.closest("main > *");
  const same = around?.className ? next.querySelector(`:scope > .${CSS.escape(around.className)}`) : null;
  if (!around || !same) { main.replaceChildren(...next.childNodes); return; }
  const fresh = [...next.childNodes];
  const place = fresh.indexOf(same);
  for (const it of [...main.childNodes]) if (it !== around) it.remove();
  around.before(...fresh.slice(0, place));
  around.after(...fresh.slice(place + 1));
}
