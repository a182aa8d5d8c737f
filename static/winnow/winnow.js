// What pages gain when scripts run. Every page works without this file.
(() => {
  "use strict";

  // Menus: Escape and a click elsewhere close them, focus returns to what opened them. ------------------------
  const openMenus = () => document.querySelectorAll("details.menu[open]");

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      const hadFocus = menu.contains(document.activeElement);
      menu.open = false;
      if (hadFocus) menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });

  // The one live region. ---------------------------------------------------------------------------------------
  const announce = (text) => {
    const region = document.querySelector("[data-announcer]");
    if (region && text && region.textContent !== text) region.textContent = text;
  };

  // Copy buttons are hidden until now, because without scripts they would do nothing. -----------------------------
  const revealCopyButtons = (root) => {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    announce("Copied");
  });

  // Print: what is folded on screen is printed open. --------------------------------------------------------------
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details.disclosure:not([open])")];
    for (const details of unfolded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
  });

  // The age of figures on a page that has been open for a while. --------------------------------------------------
  const showAges = () => {
    for (const label of document.querySelectorAll("[data-age-of]")) {
      const minutes = Math.floor((Date.now() - Date.parse(label.dataset.ageOf)) / 60_000);
      label.textContent = minutes < 1 ? "" : `– ${minutes} min ago`;
    }
  };
  setInterval(showAges, 15_000);

  // Live updates: busy state, pause, open sections kept, one announcement per change. -----------------------------
  let paused = false;
  let focusedBefore = "";
  const openBefore = new Set();

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pause]");
    if (!button) return;
    paused = !paused;
    showPause(document);
    announce(paused ? "Live updates paused" : "Live updates on");
  });

  const showPause = (root) => {
    for (const button of root.querySelectorAll("[data-pause]")) {
      button.hidden = false;
      button.querySelector("[data-pause-label]").textContent = paused ? "Resume updates" : "Pause updates";
    }
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (paused && elt.matches("[data-polls]")) {
      event.preventDefault();
      return;
    }
    if (!elt.matches("[data-polls]")) target.setAttribute("aria-busy", "true");
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    event.detail.target?.removeAttribute("aria-busy");
    if (event.detail.failed) announce("The update failed. What you see is from before.");
  });

  // A request that ended elsewhere (the session is over: the sign-in page) must not be put into the middle of a page.
  const wasRedirected = ({ xhr, pathInfo }) =>
    xhr.responseURL && new URL(xhr.responseURL).pathname !== new URL(pathInfo.requestPath, location.href).pathname;

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (wasRedirected(event.detail)) {
      event.detail.shouldSwap = false;
      location.reload();
      return;
    }
    focusedBefore = document.activeElement?.id ?? "";
    openBefore.clear();
    for (const details of event.detail.target.querySelectorAll("details[id][open]")) openBefore.add(details.id);
  });

  document.addEventListener("htmx:afterSettle", () => {
    for (const id of openBefore) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    openBefore.clear();
    enhance(document);
    restoreFocus();
    announce(document.querySelector("[data-announce]")?.dataset.announce);
  });

  // htmx gives the focus back before what is hidden until now is shown, and a hidden button does not take it.
  const restoreFocus = () => {
    if (focusedBefore && document.activeElement === document.body) {
      document.getElementById(focusedBefore)?.focus({ preventScroll: true });
    }
  };

  const enhance = (root) => {
    revealCopyButtons(root);
    showPause(root);
    showAges();
  };

  document.addEventListener("DOMContentLoaded", () => enhance(document));
})();
