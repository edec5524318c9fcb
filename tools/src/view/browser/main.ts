import type { TraceModel } from "../model/model.ts";
import { el } from "./dom/elements.ts";
import { startLive } from "./live.ts";
import { themeButton } from "./dom/theme.ts";
import { createTraceView } from "./trace-view.ts";
import { newViewState } from "./view-state.ts";

/** The page's data: a trace, or the instruction to show the traces of the receiver. */
export type PageData = { readonly trace: TraceModel } | { readonly live: true };

function start(data: PageData): void {
  const main = el("main", { id: "main", tabindex: -1 });
  const controls = el("div", { class: "group" });
  let redraw = (): void => {};
  controls.append(themeButton(() => redraw()));
  const bar = el(
    "header",
    { class: "top" },
    el("a", { class: "skip", href: "#main" }, "Skip to the content"),
    el("span", { class: "brand" }, "a2a-otel view"),
    controls,
  );
  document.body.replaceChildren(bar, main);
  bar.querySelector("a")?.addEventListener("click", (event) => {
    // The fragment of the address identifies the trace, so the link must not change it.
    event.preventDefault();
    main.focus();
  });
  if ("live" in data) {
    ({ redraw } = startLive(main, controls));
    return;
  }
  const [, spanId] = /^#([0-9a-f]{16})$/.exec(location.hash) ?? [];
  const view = createTraceView(data.trace, newViewState(spanId), {
    onSelect: (selected) => history.replaceState(null, "", selected === undefined ? "#" : `#${selected}`),
  });
  main.append(view.element);
  redraw = view.redraw;
  if (spanId !== undefined) document.getElementById(`span-${spanId}`)?.scrollIntoView({ block: "center" });
}

start(JSON.parse(document.getElementById("data")?.textContent ?? "null") as PageData);
