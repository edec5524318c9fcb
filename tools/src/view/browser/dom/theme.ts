import { button } from "./elements.ts";

const THEMES = ["system", "light", "dark"] as const;
const STORED_AS = "a2a-otel-theme";

/** Creates a button that switches between the system's theme, light and dark. The choice is stored if the browser allows it. */
export function themeButton(onChange: () => void): HTMLButtonElement {
  let theme: (typeof THEMES)[number] = THEMES.find((name) => name === stored()) ?? "system";
  const apply = (): void => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    control.textContent = `Theme: ${theme}`;
  };
  const control = button("", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
    store(theme);
    apply();
    onChange();
  });
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  return control;
}

// A page that was opened from a file or in a private window may have no storage.
function stored(): string | null {
  try {
    return localStorage.getItem(STORED_AS);
  } catch {
    return null;
  }
}

function store(theme: string): void {
  try {
    localStorage.setItem(STORED_AS, theme);
  } catch {
    return;
  }
}
