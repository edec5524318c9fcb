import type { ComponentChildren, VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { TraceModel } from "../model/model.ts";
import type { TraceList } from "../server/trace-list.ts";
import { Button, announce } from "./elements.tsx";
import { TraceListView } from "./trace-list.tsx";
import { TraceView } from "./trace-view.tsx";

/** The page's address: the list, or a trace, possibly with a selected span. */
interface Place {
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
}

function currentPlace(): Place {
  const [, traceId, spanId] = /^#\/trace\/([0-9a-f]{32})(?:\/([0-9a-f]{16}))?$/.exec(location.hash) ?? [];
  return { traceId, spanId };
}

function hashOf({ traceId, spanId }: Place): string {
  return traceId === undefined ? "#/" : `#/trace/${traceId}${spanId === undefined ? "" : `/${spanId}`}`;
}

/** What the server answered for a place. */
interface Content {
  readonly traceId: string | undefined;
  readonly text: string;
  readonly view: { readonly list: TraceList } | { readonly trace: TraceModel } | { readonly missing: string };
}

async function load(traceId: string | undefined, shown: Content | undefined): Promise<Content> {
  const response = await fetch(traceId === undefined ? "api/traces" : `api/traces/${traceId}`);
  const text = await response.text();
  // The same object if nothing has changed, so that nothing is drawn.
  if (shown !== undefined && shown.traceId === traceId && shown.text === text) return shown;
  if (traceId === undefined) return { traceId, text, view: { list: JSON.parse(text) as TraceList } };
  if (response.ok) return { traceId, text, view: { trace: JSON.parse(text) as TraceModel } };
  return { traceId, text, view: { missing: (JSON.parse(text) as { message: string }).message } };
}

interface LivePageProps {
  readonly frame: (props: { controls?: ComponentChildren; status?: ComponentChildren; children: ComponentChildren }) => VNode;
}

/** The page of a running receiver, which updates when spans are received. */
export function LivePage({ frame: Frame }: LivePageProps): VNode {
  const [place, setPlace] = useState(currentPlace);
  const [content, setContent] = useState<Content>();
  const [isFollowing, setFollowing] = useState(true);
  const [isLost, setLost] = useState(false);
  const latest = useRef({ place, content, isFollowing, isNew: true });
  Object.assign(latest.current, { place, content, isFollowing });
  const focused = useRef("");

  const update = async (): Promise<void> => {
    const { traceId } = latest.current.place;
    try {
      const next = await load(traceId, latest.current.content);
      if (latest.current.place.traceId !== traceId) return;
      focused.current = document.activeElement?.id ?? "";
      setContent(next);
      setLost(false);
    } catch {
      setLost(true);
    }
  };
  const refresh = useThrottled(update);

  useEffect(() => {
    const onHashChange = (): void => {
      const next = currentPlace();
      latest.current.isNew ||= next.traceId !== latest.current.place.traceId;
      latest.current.place = next;
      setPlace(next);
      void update();
    };
    addEventListener("hashchange", onHashChange);
    const source = new EventSource("api/events");
    const onChange = (): void => void (latest.current.isFollowing && refresh());
    source.addEventListener("change", onChange);
    source.addEventListener("open", onChange);
    source.addEventListener("error", () => setLost(true));
    void update();
  }, []);
  useLayoutEffect(() => {
    if (content === undefined) return;
    document.title = titleOf(content);
    // A row that moves to another place in the document loses the focus.
    if (document.activeElement === document.body) document.getElementById(focused.current)?.focus({ preventScroll: true });
    if (content.traceId !== place.traceId || !latest.current.isNew) return;
    document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    latest.current.isNew = false;
  }, [content]);

  const follow = (): void => {
    setFollowing(!isFollowing);
    if (!isFollowing) void update();
  };
  const clear = (): void => {
    void fetch("api/traces", { method: "DELETE" }).then(() => announce("All traces are deleted."));
    location.hash = "#/";
  };
  const select = (spanId: string | undefined): void => {
    const next = { ...place, spanId };
    history.replaceState(null, "", hashOf(next));
    latest.current.place = next;
    setPlace(next);
  };
  const controls = (
    <>
      <Button
        label="Live"
        class="live"
        pressed={isFollowing}
        title="Whether the page updates when spans are received"
        onClick={follow}
      />
      <Button label="Clear" onClick={clear} />
    </>
  );
  const lost = isLost && (
    <p class="status error" role="alert">
      ✕ a2a-otel-cli view does not answer. The page keeps its content and updates when the connection is back.
    </p>
  );
  return (
    <Frame controls={controls} status={lost}>
      {content && <ContentView content={content} place={place} onSelect={select} />}
    </Frame>
  );
}

function titleOf({ view }: Content): string {
  if ("list" in view) return `Traces (${view.list.traces.length})`;
  return "trace" in view ? `${view.trace.name}: ${view.trace.service}` : "Trace not found";
}

interface ContentProps {
  readonly content: Content;
  readonly place: Place;
  readonly onSelect: (spanId: string | undefined) => void;
}

function ContentView({ content: { traceId = "", view }, place, onSelect }: ContentProps): VNode {
  if ("list" in view) return <TraceListView list={view.list} origin={location.origin} />;
  const back = <a href="#/">← All traces</a>;
  if ("missing" in view) {
    return (
      <>
        <p class="crumbs">{back}</p>
        <h1 tabIndex={-1}>Trace not found</h1>
        <p>{view.missing}</p>
      </>
    );
  }
  const name = `trace-${traceId.slice(0, 8)}`;
  const link = (other: string, spanId: string): string => hashOf({ traceId: other, spanId });
  return (
    <>
      <p class="crumbs">
        {back}{" "}
        <a href={`traces/${traceId}.html`} download={`${name}.html`}>
          Save as HTML
        </a>{" "}
        <a href={`api/traces/${traceId}/otlp`} download={`${name}.json`}>
          Save as OTLP/JSON
        </a>
      </p>
      <TraceView key={traceId} model={view.trace} selected={place.spanId} onSelect={onSelect} traceLink={link} />
    </>
  );
}

/** Runs an action at once, but not again before a pause that grows with its duration: a large trace takes time to compute and to draw. */
function useThrottled(action: () => Promise<void>): () => void {
  const state = useRef({ isBusy: false, isWanted: false });
  return () => {
    const { current } = state;
    current.isWanted = true;
    if (current.isBusy) return;
    current.isBusy = true;
    void (async () => {
      while (current.isWanted) {
        current.isWanted = false;
        const began = performance.now();
        await action();
        // The next frame is painted after the page is drawn.
        await new Promise(requestAnimationFrame);
        const pause = Math.min((performance.now() - began) * 3, 2000);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
      current.isBusy = false;
    })();
  };
}
