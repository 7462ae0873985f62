// How long ago things were, as the server says it; kept right while a page stays open.

const SPANS = [[86400 * 365, "y"], [86400 * 7, "w"], [86400, "d"], [3600, "h"], [60, "min"]];

/** A length of time in one number. */
export function span(seconds) {
  for (const [length, unit] of SPANS) {
    if (seconds >= length * (length > 60 ? 2 : 1)) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return "now";
}

function said(seconds) {
  const text = span(Math.abs(seconds));
  if (text === "now") return seconds >= 0 ? "just now" : "in 1 min";
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

/** Say all times below `root` as they are now. */
export function age(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    const text = time.title ? said(seconds) : span(seconds); // in the matrix there is room for the number only
    if (time.textContent !== text) time.textContent = text;
  }
}

export function ageing() {
  setInterval(() => { if (!document.hidden) age(document); }, 30_000);
}
