// Apply the reader's choice of light or dark before the first paint; without one the system decides.
// Loaded in <head>, blocking, because a late script would flash the other theme.
(() => {
  const KEY = "winnow-theme";
  const read = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is refused in some private modes: the system's theme is used
    }
  };

  const apply = (theme) => {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };

  const choose = (theme) => {
    apply(theme);
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // The choice then holds for this page only.
    }
  };

  apply(read());

  document.addEventListener("DOMContentLoaded", () => {
    for (const group of document.querySelectorAll("[data-theme-switch]")) {
      const current = group.querySelector(`input[value="${read() || "system"}"]`);
      if (current) current.checked = true;
      group.addEventListener("change", (event) => choose(event.target.value));
      group.hidden = false;
    }
  });
})();
