import { BASE } from "./style-base.ts";
import { CARDS } from "./style-cards.ts";
import { WATERFALL } from "./style-waterfall.ts";
import { DARK, LIGHT, themeVariables } from "./theme.ts";

const THEMES = `
:root{${themeVariables(LIGHT)}}
@media (prefers-color-scheme:dark){:root:not([data-theme]){${themeVariables(DARK)}}}
:root[data-theme="dark"]{${themeVariables(DARK)}}
${LIGHT.agents.map((_, index) => `.c${index}{--c:var(--c${index})}`).join("")}
`;

/** The page's style sheet. */
export const STYLE: string = THEMES + BASE + WATERFALL + CARDS;
