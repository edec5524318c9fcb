import type { TraceModel } from "../model/model.ts";
import type { TraceList } from "../server/trace-list.ts";
import { announce, button, el } from "./dom/elements.ts";
import { traceListView } from "./trace-list.ts";
import { createTraceView } from "./trace-view.ts";
import type { TraceView } from "./trace-view.ts";
import { newViewState } from "./view-state.ts";
import type { ViewState } from "./view-state.ts";

/** The page's address: the list, or a trace, possibly with a selected span. */
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

/** Starts the page of a running receiver, which updates when spans are received. */
export function startLive(main: HTMLElement, controls: HTMLElement): { redraw: () => void } {
  let place = placeOf(location.hash);
  let state: ViewState = newViewState(place.spanId);
  let view: TraceView | undefined;
  let shown: string | undefined;
  let following = true;
  let busy = false;
  let behind = false;
  /** The duration of the last drawing, in milliseconds. */
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
    document.title = "Trace not found";
    const { message } = JSON.parse(text) as { message: string };
    const back = el("p", { class: "crumbs" }, el("a", { href: "#/" }, "← All traces"));
    replace(main, [back, el("h1", { tabindex: -1 }, "Trace not found"), el("p", {}, message)]);
  };
  const showTrace = (model: TraceModel): void => {
    document.title = `${model.name}: ${model.service}`;
    view = createTraceView(model, state, { traceLink: (traceId, spanId) => hashOf({ traceId, spanId }), onSelect: remember });
    replace(main, [downloads(model.traceId), view.element]);
  };
  /** Draws only if the content has changed, so that the position on the page is kept. */
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
    // A large trace takes time to compute and to draw; the pause leaves time for user input.
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
    "✕ a2a-otel-cli view does not answer. The page keeps its content and updates when the connection is back.",
  );
  main.before(lost);
  const follow = button("Live", () => {
    following = !following;
    follow.setAttribute("aria-pressed", String(following));
    if (following) void refresh();
  });
  follow.setAttribute("aria-pressed", "true");
  follow.className = "live";
  follow.title = "Whether the page updates when spans are received";
  const clear = button("Clear", () => {
    void fetch("api/traces", { method: "DELETE" }).then(() => announce("All traces are deleted."));
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
    el("a", { href: `traces/${traceId}.html`, download: `trace-${traceId.slice(0, 8)}.html` }, "Save as HTML"),
    " ",
    el("a", { href: `api/traces/${traceId}/otlp`, download: `trace-${traceId.slice(0, 8)}.json` }, "Save as OTLP/JSON"),
  );
}

/** Replaces the content, and restores the focus and the scroll positions. */
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

/** Returns a function that restores the current focus, including the caret of the search field. */
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
