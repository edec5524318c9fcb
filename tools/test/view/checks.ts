/* These functions run in the page: they may use nothing from outside themselves. */

/** What assistive technology would stumble over. */
export function problems(): string[] {
  const found: string[] = [];
  const shown = (element: Element): string => element.outerHTML.slice(0, 120);
  const all = [...document.querySelectorAll("*")];
  const isVisible = (element: Element): boolean =>
    element.checkVisibility({ visibilityProperty: true }) && element.closest("[aria-hidden=true]") === null;
  const labelled = (element: Element): string =>
    (element.getAttribute("aria-labelledby") ?? "")
      .split(" ")
      .map((id) => document.getElementById(id)?.textContent ?? "")
      .join(" ")
      .trim();
  const nameOf = (element: Element): string =>
    element.getAttribute("aria-label") ??
    (labelled(element) || ((element as HTMLInputElement).labels?.[0]?.textContent ?? element.textContent ?? "")).trim();

  const ids = all.map(({ id }) => id).filter((id) => id !== "");
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`twice the id ${id}`);
  for (const element of all) {
    for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
      const value = element.getAttribute(attribute);
      if (value !== null && value.split(" ").some((id) => document.getElementById(id) === null))
        found.push(`${attribute} leads nowhere: ${shown(element)}`);
    }
    if ((element as HTMLElement).tabIndex > 0) found.push(`an order of its own: ${shown(element)}`);
  }
  const named =
    "button, a[href], input, summary, svg[role=img], [role=img], [role=region], [role=group], [role=treegrid], [role=columnheader], section, aside, table";
  for (const element of document.querySelectorAll(named)) {
    const captioned = element instanceof HTMLTableElement ? (element.caption?.textContent ?? "") : nameOf(element);
    if (isVisible(element) && captioned === "") found.push(`no name: ${shown(element)}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) found.push(`a heading that skips a level: ${shown(heading)}`);
    level = next;
  }
  for (const table of document.querySelectorAll("table")) {
    if (table.querySelector("th[scope]") === null) found.push(`a table without headings: ${shown(table)}`);
  }
  // WCAG 2.2, 2.5.8: 24 by 24 pixels, but for links in a text.
  for (const control of document.querySelectorAll("button:not(.link), input[type=search], .check")) {
    const { width, height } = control.getBoundingClientRect();
    if (isVisible(control) && (width < 24 || height < 24)) found.push(`too small to hit, ${width} by ${height}: ${shown(control)}`);
  }
  for (const element of all) {
    const { overflowX, overflowY } = getComputedStyle(element);
    const scrolls =
      (/auto|scroll/.test(overflowX) && element.scrollWidth > element.clientWidth) ||
      (/auto|scroll/.test(overflowY) && element.scrollHeight > element.clientHeight);
    const reached = (element as HTMLElement).tabIndex >= 0 || element.querySelector("button, a, input, [tabindex]") !== null;
    if (scrolls && isVisible(element) && !reached) found.push(`scrolls, but not by keyboard: ${shown(element)}`);
  }
  const roles: Record<string, string[]> = { gridcell: ["row"], columnheader: ["row"], row: ["rowgroup"], rowgroup: ["treegrid"] };
  for (const [role, parents] of Object.entries(roles)) {
    for (const element of document.querySelectorAll(`[role=${role}]`)) {
      if (!parents.includes(element.parentElement?.getAttribute("role") ?? ""))
        found.push(`${role} is out of place: ${shown(element)}`);
    }
  }
  return found;
}

/** Texts with less contrast than WCAG's AA asks of them. */
export function contrastProblems(): string[] {
  type Colour = [number, number, number, number];
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (colour: string): Colour => {
    if (canvas === null) throw new Error("no canvas");
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([r, g, b, a]: Colour, [x, y, z]: Colour): Colour => [
    r * a + x * (1 - a),
    g * a + y * (1 - a),
    b * a + z * (1 - a),
    1,
  ];
  const ground = (element: Element | null): Colour => {
    if (element === null) return [255, 255, 255, 1];
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(element.parentElement));
  };
  const luminance = ([red, green, blue]: Colour): number => {
    const [r = 0, g = 0, b = 0] = [red, green, blue].map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = new Set<string>();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (element === null || node.textContent?.trim() === "" || !element.checkVisibility({ opacityProperty: true })) continue;
    texts++;
    const style = getComputedStyle(element);
    const inDrawing = element instanceof SVGElement;
    const below = ground(inDrawing ? element.closest("section") : element);
    const colour = over(parse(inDrawing ? style.fill : style.color), below);
    const [dark = 0, light = 0] = [luminance(colour), luminance(below)].toSorted((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.add(`${ratio.toFixed(2)} of ${element.getAttribute("class") ?? ""} ${node.textContent?.slice(0, 40)}`);
  }
  if (texts < 100) found.add(`only ${texts} texts were seen`);
  return [...found];
}

/** Whether the focus can be seen, and what has it. */
export function focusProblems(): { problem: string | undefined; what: string } {
  const element = document.activeElement;
  if (element === null || element === document.body) return { problem: undefined, what: "the body" };
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const what = `${element.tagName} ${element.getAttribute("aria-label") ?? element.textContent?.slice(0, 40)}`;
  const { width, height, right, bottom } = element.getBoundingClientRect();
  if (outlineStyle === "none" || Number.parseFloat(outlineWidth) < 2) return { problem: `no ring: ${what}`, what };
  if (width === 0 || height === 0 || right < 0 || bottom < 0) return { problem: `out of sight: ${what}`, what };
  return { problem: undefined, what };
}
