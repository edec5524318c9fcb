/** The colours of a theme. A test checks their contrast. */
export interface Theme {
  readonly scheme: "light" | "dark";
  readonly background: string;
  /** For cards, the waterfall and the bar at the top. */
  readonly surface: string;
  /** For a row under the pointer. */
  readonly hover: string;
  /** For the row whose details are shown. */
  readonly selected: string;
  readonly text: string;
  /** For less important text; legible on all of the above. */
  readonly muted: string;
  /** For separating lines. */
  readonly line: string;
  /** For the edges of controls. */
  readonly control: string;
  /** For links and the focus ring. */
  readonly accent: string;
  readonly error: string;
  readonly errorSurface: string;
  readonly warning: string;
  readonly warningSurface: string;
  readonly ok: string;
  /** For the agents. */
  readonly agents: readonly string[];
}

export const LIGHT: Theme = {
  scheme: "light",
  background: "#f4f6f9",
  surface: "#ffffff",
  hover: "#f0f4fa",
  selected: "#e3edfb",
  text: "#18202c",
  muted: "#515c6d",
  line: "#dde2ea",
  control: "#79879b",
  accent: "#175cc4",
  error: "#b3201c",
  errorSurface: "#fdecea",
  warning: "#7a4b00",
  warningSurface: "#fdf3dc",
  ok: "#1c6b33",
  agents: ["#2869d8", "#b85c00", "#2b8039", "#7a48cf", "#0a7c96", "#b3299a", "#7a6f00", "#56697f", "#8a5434", "#c22f63"],
};

export const DARK: Theme = {
  scheme: "dark",
  background: "#0f131a",
  surface: "#171d26",
  hover: "#1f2733",
  selected: "#21324d",
  text: "#e7ebf2",
  muted: "#a6b1c1",
  line: "#2b3442",
  control: "#6f7d93",
  accent: "#8db8ff",
  error: "#ff8f85",
  errorSurface: "#3a1d1f",
  warning: "#f0c36a",
  warningSurface: "#352a13",
  ok: "#7fd396",
  agents: ["#74a7ff", "#f2a25c", "#76cb8a", "#b99dff", "#58c6de", "#ec8bdf", "#d2c35c", "#a7b9cf", "#d6a789", "#ff94b4"],
};

/** Converts a theme to CSS variables. */
function themeVariables({ scheme, agents, ...colours }: Theme): string {
  const named = Object.entries(colours).map(
    ([name, colour]) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}:${colour}`,
  );
  return [`color-scheme:${scheme}`, ...named, ...agents.map((colour, index) => `--c${index}:${colour}`)].join(";");
}

/** The style sheet of the themes: light and dark by the system's preference, unless the page's attribute `data-theme` names one. */
export const THEMES: string = `
:root{${themeVariables(LIGHT)}}
@media (prefers-color-scheme:dark){:root:not([data-theme]){${themeVariables(DARK)}}}
:root[data-theme="dark"]{${themeVariables(DARK)}}
${LIGHT.agents.map((_, index) => `.c${index}{--c:var(--c${index})}`).join("")}
`;
