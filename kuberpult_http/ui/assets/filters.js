// Filters that work as one types or chooses; without scripts, the button does the same.

const PAUSE = 250;

export function filters() {
  for (const form of document.querySelectorAll("form[data-filters]")) follow(form);
}

function follow(form) {
  let due = null;
  const later = () => { clearTimeout(due); due = setTimeout(() => apply(form), PAUSE); };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(due); apply(form); });
}

function addressOf(form) {
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value !== "") address.searchParams.append(name, value);
  return address;
}

let latest = 0;

async function apply(form) {
  const number = ++latest;
  const address = addressOf(form);
  const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" }).catch(() => null);
  if (number !== latest) return;
  if (!answer || answer.redirected) { location.assign(address); return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.getElementById("main");
  const main = document.getElementById("main");
  if (!next || !main) { location.assign(address); return; }
  history.replaceState(null, "", address);
  exchange(main, next, form);
  document.dispatchEvent(new CustomEvent("kuberpult:shown"));
}

// The form stays as it is, because somebody types in it; what is around it is exchanged.
function exchange(main, next, form) {
  const around = form.closest("main > *");
  const same = around?.className ? next.querySelector(`:scope > .${CSS.escape(around.className)}`) : null;
  if (!around || !same) { main.replaceChildren(...next.childNodes); filters(); return; }
  const fresh = [...next.childNodes];
  const place = fresh.indexOf(same);
  for (const it of [...main.childNodes]) if (it !== around) it.remove();
  around.before(...fresh.slice(0, place));
  around.after(...fresh.slice(place + 1));
}
