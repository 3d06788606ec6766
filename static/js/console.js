// The script of every page. Each module works by delegation or on `htmx:load`, so that parts swapped in
// later need no setup of their own.

import "./theme.js";
import "./menus.js";
import "./dialogs.js";
import "./times.js";
import "./copy.js";
import { pageHeaders } from "./http.js";
import { toast, toastText } from "./toasts.js";

document.addEventListener("htmx:configRequest", (event) => {
  Object.assign(event.detail.headers, pageHeaders());
});
// Elements that poll do not report each failure: see `[data-quiet]`.
const asked = (event) => !event.detail.elt.closest("[data-quiet]");
document.addEventListener("htmx:sendError", (event) => asked(event) && toast("bad", toastText("offline")));
document.addEventListener("htmx:responseError", (event) => asked(event) && toast("bad", toastText("failed")));
