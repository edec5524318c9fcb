import { render } from "preact";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { PageData } from "../page/page.ts";
import type { TraceModel } from "../model/model.ts";
import { Button } from "./elements.tsx";
import { LivePage } from "./live.tsx";
import { TraceView } from "./trace-view.tsx";

const THEMES = ["system", "light", "dark"] as const;
const STORED_AS = "a2a-otel-theme";

/** Switches between the system's theme, light and dark. The choice is stored if the browser allows it. */
function ThemeButton(): VNode {
  const [theme, setTheme] = useState(
    () => THEMES.find((name) => name === withStorage((storage) => storage.getItem(STORED_AS))) ?? "system",
  );
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    // What is painted on a canvas does not follow the theme by itself.
    dispatchEvent(new Event("theme"));
  }, [theme]);
  const next = (): void => {
    const chosen = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
    withStorage((storage) => storage.setItem(STORED_AS, chosen));
    setTheme(chosen);
  };
  return <Button label={`Theme: ${theme}`} onClick={next} />;
}

/** A page that was opened from a file or in a private window may have no storage. */
function withStorage<Result>(use: (storage: Storage) => Result): Result | undefined {
  try {
    return use(localStorage);
  } catch {
    return undefined;
  }
}

/** The bar at the top, and the content below it. */
function Frame({
  controls,
  status,
  children,
}: {
  controls?: ComponentChildren;
  status?: ComponentChildren;
  children: ComponentChildren;
}): VNode {
  const skip = (event: Event): void => {
    // The fragment of the address identifies the trace, so the link must not change it.
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  return (
    <>
      <header class="top">
        <a class="skip" href="#main" onClick={skip}>
          Skip to the content
        </a>
        <span class="brand">a2a-otel view</span>
        <div class="group">
          {controls}
          <ThemeButton />
        </div>
      </header>
      {status}
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <div id="announcer" role="status" class="unseen" />
    </>
  );
}

/** The page of one trace, in a file. */
function TracePage({ trace }: { trace: TraceModel }): VNode {
  const [selected, setSelected] = useState(/^#([0-9a-f]{16})$/.exec(location.hash)?.[1]);
  useEffect(() => document.getElementById(`span-${selected}`)?.scrollIntoView({ block: "center" }), []);
  const select = (spanId: string | undefined): void => {
    history.replaceState(null, "", `#${spanId ?? ""}`);
    setSelected(spanId);
  };
  return (
    <Frame>
      <TraceView model={trace} selected={selected} onSelect={select} />
    </Frame>
  );
}

const data = JSON.parse(document.getElementById("data")?.textContent ?? "null") as PageData;
document.body.replaceChildren();
render("live" in data ? <LivePage frame={Frame} /> : <TracePage trace={data.trace} />, document.body);
