// What every page of the console does in the browser. Each module minds one thing and works by
// delegation or on `htmx:load`, so that parts swapped in later need no second setting up.

import "./theme.js";
import "./menus.js";
import "./dialogs.js";
import "./times.js";
import "./copy.js";
import { csrfToken } from "./http.js";
import { toast, toastText } from "./toasts.js";

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = csrfToken();
});
document.addEventListener("htmx:sendError", () => toast("bad", toastText("offline")));
document.addEventListener("htmx:responseError", () => toast("bad", toastText("failed")));
