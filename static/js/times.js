// Updates `<time data-relative>` while the page is open; the server writes the first text.

const language = document.documentElement.lang;
const words = new Intl.RelativeTimeFormat(language, { numeric: "always" });
const STEPS = [[60, "second", 1], [2700, "minute", 60], [79200, "hour", 3600], [2592000, "day", 86400]];

function relative(moment) {
  const seconds = (moment - Date.now()) / 1000;
  if (Math.abs(seconds) < 45) return null;
  const step = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  return step ? words.format(Math.round(seconds / step[2]), step[1]) : null;
}

function refresh() {
  document.querySelectorAll("time[data-relative]").forEach((element) => {
    const text = relative(new Date(element.dateTime));
    if (text) element.textContent = text.replace(/(\d) (?=[^\x00-\x7f])/, "$1");
  });
}

setInterval(refresh, 30_000);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
