// Light, dark, or the theme of the system. The choice is a cookie, so that the server renders the right
// theme and no inline script is needed.

const YEAR = 60 * 60 * 24 * 365;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-set-theme]");
  if (!button) return;
  const theme = button.dataset.setTheme;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.cookie = `theme=${theme}; path=/; max-age=${theme ? YEAR : 0}; samesite=lax`;
  const menu = button.closest("[data-theme-menu]");
  menu.querySelectorAll("[data-set-theme]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  menu.querySelector("summary use").setAttribute("href", button.querySelector("use").getAttribute("href"));
  menu.open = false;
  document.dispatchEvent(new CustomEvent("kosha:theme"));
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new CustomEvent("kosha:theme"));
});
