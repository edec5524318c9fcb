import type { TraceModel } from "../../model/model.ts";
import { announce, button, el } from "../dom/elements.ts";
import { cost, duration, whole } from "../dom/format.ts";

/** The summary of a trace. */
export function headline(model: TraceModel): HTMLElement {
  const { name, service, traceId, spans, agents, errors, usage } = model;
  const facts: [string, string | Node][] = [
    ["Duration", duration(model.duration)],
    ["Agents", whole(agents.length)],
    ["Spans", whole(spans.length)],
    ["Errors", errors === 0 ? "0" : el("span", { class: "bad" }, `✕ ${whole(errors)}`)],
  ];
  if (usage.all.requests > 0) {
    facts.push(["Tokens", `${whole(usage.all.input)} in, ${whole(usage.all.output)} out`], ["Cost", cost(usage.all)]);
  }
  return el(
    "header",
    { class: "headline" },
    el("h1", { tabindex: -1 }, name === "" ? "(no name)" : name),
    el(
      "p",
      { class: "subline" },
      `${service}, `,
      timeElement(model.startedAt),
      ", trace ",
      el("code", {}, traceId),
      " ",
      copyButton(traceId),
    ),
    el("dl", { class: "figures" }, ...facts.map(([title, value]) => el("div", {}, el("dt", {}, title), el("dd", {}, value)))),
    model.notices.length > 0 && el("ul", { class: "notices" }, ...model.notices.map((notice) => el("li", {}, notice))),
  );
}

/** A date and time in the browser's time zone. */
export function timeElement(milliseconds: number): HTMLElement {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return el("span", {}, "unknown time");
  const shown = date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  return el("time", { datetime: date.toISOString() }, shown);
}

function copyButton(traceId: string): HTMLElement | undefined {
  // Only pages from this machine or over HTTPS can use the clipboard.
  if (!("clipboard" in navigator)) return undefined;
  const made = button("Copy", () => {
    navigator.clipboard.writeText(traceId).then(
      () => announce("Copied the trace id."),
      () => announce("The browser did not allow copying."),
    );
  });
  made.setAttribute("aria-label", "Copy the trace id");
  made.className = "small";
  return made;
}
