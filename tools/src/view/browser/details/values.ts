import type { Attributes, Value } from "../../span.ts";
import { el } from "../dom/elements.ts";

/** Creates a table of attributes. */
export function attributeTable(caption: string, attributes: Attributes): HTMLElement {
  const rows = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (rows.length === 0) return el("p", { class: "muted" }, "None.");
  return el(
    "table",
    { class: "attributes" },
    el("caption", { class: "unseen" }, caption),
    el(
      "tbody",
      {},
      ...rows.map(([key, value]) =>
        el("tr", {}, el("th", { scope: "row" }, ...breakable(key)), el("td", {}, valueElement(key, value))),
      ),
    ),
  );
}

/** Lets names wrap after dots and underscores. */
function breakable(name: string): (string | HTMLElement)[] {
  return name.split(/(?<=[._])/).flatMap((piece, index) => (index === 0 ? [piece] : [el("wbr"), piece]));
}

/** Longer texts are shown in a box that scrolls. */
const LONG = 160;

function valueElement(name: string, value: Value): Node {
  const text = readable(value);
  if (text.length <= LONG && !text.includes("\n"))
    return el("span", { class: `value ${typeof value}` }, text === "" ? "(empty)" : text);
  return longText(name, text);
}

/** Creates a box for a long text, which can be scrolled with the keyboard. */
export function longText(name: string, text: string): HTMLElement {
  return el("pre", { tabindex: 0, role: "region", "aria-label": name }, text);
}

/** Formats a value. JSON inside a string, such as recorded messages to models, is indented. */
function readable(value: Value): string {
  if (typeof value !== "string") {
    const line = typeof value === "object" ? JSON.stringify(value) : String(value);
    return line.length <= LONG ? line : JSON.stringify(value, null, 2);
  }
  if (value.length < LONG || !/^\s*[[{]/.test(value)) return value;
  try {
    const parsed = JSON.parse(value) as Value;
    return isDeeper(parsed, MAX_DEPTH) ? value : JSON.stringify(parsed, null, 2);
  } catch {
    return value;
  }
}

/** Deeper JSON is not indented, because the indentation of thousands of levels would take gigabytes. */
const MAX_DEPTH = 32;

function isDeeper(value: Value, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member: Value) => isDeeper(member, levels - 1));
}
