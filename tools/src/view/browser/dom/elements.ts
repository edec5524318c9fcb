type Child = Node | string | undefined | false;

type AttributeValue = string | number | boolean | undefined;

/** Creates an HTML element. Strings become text nodes, so content of a trace is never parsed as markup. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, AttributeValue>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  element.append(...children.filter(isThere));
  return element;
}

/** Creates an SVG element. */
export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, AttributeValue>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(element, attributes);
  element.append(...children.filter(isThere));
  return element;
}

function isThere(child: Child): child is Node | string {
  return child !== undefined && child !== false;
}

/** `true` sets an attribute without a value; `false` and `undefined` set none. */
function setAttributes(element: Element, attributes: Readonly<Record<string, AttributeValue>>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Sets CSS variables. The page's policy forbids style attributes, but allows this. */
export function setVariables(element: HTMLElement | SVGElement, variables: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(variables)) element.style.setProperty(`--${name}`, String(value));
}

/** Creates a button with a label, or with a symbol and an accessible name. */
export function button(
  label: string,
  onClick: () => void,
  { sign, title }: { sign?: string; title?: string } = {},
): HTMLButtonElement {
  const made = el(
    "button",
    {
      type: "button",
      "aria-label": sign === undefined ? undefined : label,
      title: title ?? (sign === undefined ? undefined : label),
    },
    sign ?? label,
  );
  made.addEventListener("click", onClick);
  return made;
}

/** Creates a section with a heading. */
export function section(id: string, title: string, ...children: readonly Child[]): HTMLElement {
  return el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), ...children);
}

let announcer: HTMLElement | undefined;

/** Makes screen readers announce a message without moving the focus. */
export function announce(message: string): void {
  if (announcer === undefined) {
    announcer = el("div", { role: "status", class: "unseen" });
    document.body.append(announcer);
  }
  announcer.textContent = message;
}
