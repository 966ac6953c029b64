/* Light or dark: as the system says, until the reader chooses; the choice is remembered where the browser allows it. */
"use strict";

(() => {
  const KEY = "minispp-laboratory-theme";
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = recall();

  function recall() {
    try {
      return ["light", "dark"].find((name) => name === localStorage.getItem(KEY)) ?? null;
    } catch {
      return null;
    }
  }

  function keep(name) {
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // A page from a file may have no storage; the choice then lasts as long as the page.
    }
  }

  const isDark = () => (chosen ?? (system.matches ? "dark" : "light")) === "dark";

  function draw() {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light";
    button.setAttribute("aria-pressed", String(isDark()));
  }

  button.addEventListener("click", () => {
    chosen = isDark() ? "light" : "dark";
    keep(chosen);
    draw();
  });
  system.addEventListener("change", draw);
  draw();
})();
