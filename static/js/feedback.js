// Thumbs under an answer: `data-helpful` buttons in a `data-tools` that has the address for feedback.

import { post } from "./http.js";
import { toast, toastText } from "./toasts.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-helpful]");
  if (!button) return;
  const tools = button.closest("[data-tools]");
  const response = await post(tools.dataset.tools, { helpful: button.dataset.helpful }).catch(() => null);
  if (!response?.ok) return toast("bad", toastText(response ? "failed" : "offline"));
  tools.querySelectorAll("[data-helpful]").forEach((one) => one.setAttribute("aria-pressed", one === button));
});
