// Short messages at the edge of the page, read by screen readers. The server sends one in the response
// header `HX-Trigger: {"toast": {"tone": "good", "text": "…"}}`.

const SECONDS_SHOWN = 8;
const ICONS = { good: "circle-check", busy: "info" };

export function toastText(name) {
  return document.getElementById("toasts").dataset[`text${name[0].toUpperCase()}${name.slice(1)}`];
}

export function toast(tone, text) {
  const element = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  element.dataset.tone = tone;
  element.querySelector("p").textContent = text;
  const sprite = document.querySelector("#toast-template").content.querySelector("[data-dismiss] use").getAttribute("href");
  element.querySelector("use").setAttribute("href", `${sprite.split("#")[0]}#${ICONS[tone] ?? "circle-alert"}`);
  document.getElementById("toasts").append(element);
  // An error stays until it is dismissed.
  if (tone !== "bad") setTimeout(() => element.remove(), SECONDS_SHOWN * 1000);
}

document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast").remove());
document.addEventListener("toast", (event) => toast(event.detail.tone, event.detail.text));
