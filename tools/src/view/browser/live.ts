import type { TraceModel } from "../model/model.ts";
import type { TraceList } from "../server/trace-list.ts";
import { announce, button, el } from "./dom/elements.ts";
import { traceListView } from "./trace-list.ts";
import { createTraceView } from "./trace-view.ts";
import type { TraceView } from "./trace-view.ts";
import { newViewState } from "./view-state.ts";
import type { ViewState } from "./view-state.ts";

/** Where the page is: the list, or a trace with a span selected or none. */
interface Place {
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

function placeOf(hash: string): Place {
  const [, traceId, spanId] = /^#\/trace\/([0-9a-f]{32})(?:\/([0-9a-f]{16}))?$/.exec(hash) ?? [];
  return { traceId, spanId };
}

function hashOf({ traceId, spanId }: Place): string {
  return traceId === undefined ? "#/" : `#/trace/${traceId}${spanId === undefined ? "" : `/${spanId}`}`;
}

/** The page of a running receiver: it follows what comes in. */
export function startLive(main: HTMLElement, controls: HTMLElement): { redraw: () => void } {
  let place = placeOf(location.hash);
  let state: ViewState = newViewState(place.spanId);
  let view: TraceView | undefined;
  let shown: string | undefined;
  let following = true;
  let busy = false;
  let behind = false;
  /** How long the last drawing took, in milliseconds. */
  let drawing = 0;

  const draw = async (focus: boolean): Promise<void> => {
    const wanted = place.traceId;
    if (wanted === undefined) {
      const { text } = await get("api/traces");
      if (place.traceId !== undefined) return;
      view = undefined;
      change(text, () => showList(JSON.parse(text) as TraceList), focus);
      return;
    }
    const { ok, text } = await get(`api/traces/${wanted}`);
    if (place.traceId !== wanted) return;
    change(text, () => (ok ? showTrace(JSON.parse(text) as TraceModel) : showMissing(text)), focus);
  };
  const showList = (list: TraceList): void => {
    document.title = `Traces (${list.traces.length})`;
    replace(main, [traceListView(list, location.origin)]);
  };
  const showMissing = (text: string): void => {
    document.title = "Not here";
    const { message } = JSON.parse(text) as { message: string };
    const back = el("p", { class: "crumbs" }, el("a", { href: "#/" }, "← All traces"));
    replace(main, [back, el("h1", { tabindex: -1 }, "This trace is not here"), el("p", {}, message)]);
  };
  const showTrace = (model: TraceModel): void => {
    document.title = `${model.name}: ${model.service}`;
    view = createTraceView(model, state, { traceLink: (traceId, spanId) => hashOf({ traceId, spanId }), onSelect: remember });
    replace(main, [downloads(model.traceId), view.element]);
  };
  /** Draws only what is new, so that the reader's place on the page is not lost. */
  const change = (content: string, redraw: () => void, focus: boolean): void => {
    if (content === shown) return;
    shown = content;
    const began = performance.now();
    redraw();
    drawing = performance.now() - began;
    if (focus) main.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  };
  const remember = (spanId: string | undefined): void => {
    place = { ...place, spanId };
    history.replaceState(null, "", hashOf(place));
  };
  const refresh = async (focus = false): Promise<void> => {
    if (busy) {
      behind = true;
      return;
    }
    busy = true;
    const began = performance.now();
    try {
      await draw(focus);
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
    // A large trace takes a while to work out and to draw: a pause leaves time for what else there is to do.
    const pause = Math.min(performance.now() - began + drawing * 3, 2000);
    setTimeout(() => {
      busy = false;
      if (!behind) return;
      behind = false;
      if (following) void refresh();
    }, pause);
  };
  addEventListener("hashchange", () => {
    const next = placeOf(location.hash);
    const sameTrace = next.traceId === place.traceId;
    place = next;
    if (!sameTrace || next.spanId !== state.selected) {
      state = sameTrace ? { ...state, selected: next.spanId, current: next.spanId ?? state.current } : newViewState(next.spanId);
      shown = undefined;
    }
    busy = false;
    void refresh(!sameTrace);
  });

  const lost = el(
    "p",
    { class: "status error", role: "alert", hidden: true },
    "✕ a2a-otel view does not answer. What is shown stays; the page goes on when it is back.",
  );
  main.before(lost);
  const follow = button("Live", () => {
    following = !following;
    follow.setAttribute("aria-pressed", String(following));
    if (following) void refresh();
  });
  follow.setAttribute("aria-pressed", "true");
  follow.className = "live";
  follow.title = "Whether the page follows what comes in";
  const clear = button("Clear", () => {
    void fetch("api/traces", { method: "DELETE" }).then(() => announce("All traces are gone."));
    location.hash = "#/";
  });
  controls.prepend(follow, clear);
  listen(
    () => following && void refresh(),
    (isLost) => (lost.hidden = !isLost),
  );
  void refresh();
  return { redraw: () => view?.redraw() };
}

function downloads(traceId: string): HTMLElement {
  return el(
    "p",
    { class: "crumbs" },
    el("a", { href: "#/" }, "← All traces"),
    " ",
    el("a", { href: `traces/${traceId}.html`, download: `trace-${traceId.slice(0, 8)}.html` }, "Save as a page"),
    " ",
    el("a", { href: `api/traces/${traceId}/otlp`, download: `trace-${traceId.slice(0, 8)}.json` }, "Save as OTLP/JSON"),
  );
}

/** Puts new content in place of the old, and the keyboard and the scrolling where they were. */
function replace(main: HTMLElement, content: readonly HTMLElement[]): void {
  const refocus = rememberFocus();
  const scrolled = main.querySelector(".grid")?.scrollTop ?? 0;
  const top = document.documentElement.scrollTop;
  main.replaceChildren(...content);
  const grid = main.querySelector(".grid");
  if (grid !== null) grid.scrollTop = scrolled;
  document.documentElement.scrollTop = top;
  refocus();
}

/** Returns the function that puts the focus where it is now, and in a text the caret. */
function rememberFocus(): () => void {
  const focused = document.activeElement;
  if (focused === null || focused === document.body) return () => {};
  const id = focused.id === "" && focused.closest(".details") !== null ? "details-title" : focused.id;
  const caret = focused instanceof HTMLInputElement && focused.type === "search" ? focused.selectionStart : null;
  return () => {
    const same = id === "" ? null : document.getElementById(id);
    same?.focus({ preventScroll: true });
    if (same instanceof HTMLInputElement && caret !== null) same.setSelectionRange(caret, caret);
  };
}

function listen(onChange: () => void, onLost: (lost: boolean) => void): void {
  const source = new EventSource("api/events");
  source.addEventListener("change", onChange);
  source.addEventListener("open", () => {
    onLost(false);
    onChange();
  });
  source.addEventListener("error", () => onLost(true));
}

async function get(path: string): Promise<{ ok: boolean; text: string }> {
  const response = await fetch(path);
  return { ok: response.ok, text: await response.text() };
}
