// Keys: `/` to search, arrows in the matrix, `g` and a letter to go somewhere, `?` for help.

const PLACES = { o: "", e: "environments", t: "trains", l: "locks", a: "activity", p: "planned" };
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

let isGoing = false;

export function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.("input, textarea, select, dialog *")) return;
    if (isGoing) { isGoing = false; if (go(event.key)) event.preventDefault(); return; }
    if (pressed(event)) event.preventDefault();
  });
}

function pressed(event) {
  switch (event.key) {
    case "/": return focus(document.querySelector("[data-key='/']"));
    case "?": document.getElementById("help")?.showModal(); return true;
    case "g": isGoing = true; setTimeout(() => { isGoing = false; }, 1500); return true;
    default: return event.key in STEPS && move(...STEPS[event.key]);
  }
}

function go(key) {
  if (!(key in PLACES)) return false;
  const at = new URL(location.href).searchParams.get("at");
  location.assign(`/${PLACES[key]}${at ? `?at=${encodeURIComponent(at)}` : ""}`);
  return true;
}

function focus(element) {
  if (!element) return false;
  element.focus();
  element.select?.();
  return true;
}

function move(down, right) {
  const table = document.querySelector("[data-matrix]");
  if (!table) return false;
  const active = document.activeElement;
  const cell = table.contains(active) ? active.closest("td, th") : null;
  if (!cell) return active === document.body || active?.matches(".scroller") ? focus(table.querySelector("tbody a")) : false;
  const lines = [...table.tBodies].flatMap((body) => [...body.rows]);
  let [line, column] = [lines.indexOf(cell.parentElement), cell.cellIndex];
  for (;;) {
    line += down;
    column += right;
    const next = lines[line]?.cells[column];
    if (!next) return true;
    const link = next.querySelector("a");
    if (link) { link.focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest", inline: "nearest" }); return true; }
  }
}
