import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { whole } from "../model/format.ts";

/** A button with a label, or with a symbol and an accessible name. */
export function Button({ label, sign, onClick, class: kind, pressed, title, children }: ButtonProps): VNode {
  return (
    <button
      type="button"
      class={kind}
      aria-label={sign === undefined ? undefined : label}
      aria-pressed={pressed}
      title={title ?? (sign === undefined ? undefined : label)}
      onClick={onClick}
    >
      {children ?? sign ?? label}
    </button>
  );
}

interface ButtonProps {
  readonly label: string;
  readonly onClick: () => void;
  readonly sign?: string | undefined;
  readonly class?: string;
  readonly pressed?: boolean;
  readonly title?: string;
  readonly children?: ComponentChildren;
}

/** A section with a heading. */
export function Section({ id, title, children }: { id: string; title: string; children: ComponentChildren }): VNode {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}

export function ErrorCount({ count }: { count: number }): VNode {
  return count === 0 ? <>0</> : <span class="bad">✕ {whole(count)}</span>;
}

/** A service's name with its colour; a service outside of the trace has none. */
export function ServiceName({ service, colour }: { service: string; colour: number | undefined }): VNode {
  return (
    <span class={colour === undefined ? "agent outside" : `agent c${colour}`}>
      <span class="swatch" aria-hidden="true" />
      <span class="label" title={service}>
        {service}
      </span>
    </span>
  );
}

interface TableProps {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly ComponentChildren[])[];
  readonly foot?: readonly ComponentChildren[];
  /** The index of the first column of numbers. */
  readonly numbersFrom?: number;
}

/** A table that scrolls horizontally if the window is too narrow. The first cell of a row is its heading. */
export function DataTable({ caption, columns, rows, foot, numbersFrom = 1 }: TableProps): VNode {
  const kind = (index: number): string => (index >= numbersFrom ? "number" : "");
  const row = (cells: readonly ComponentChildren[]): VNode => (
    <tr>{cells.map((cell, index) => (index === 0 ? <th scope="row">{cell}</th> : <td class={kind(index)}>{cell}</td>))}</tr>
  );
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="data">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((title, index) => (
              <th scope="col" class={kind(index)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rows.map(row)}</tbody>
        {foot && <tfoot>{row(foot)}</tfoot>}
      </table>
    </div>
  );
}

/** A date and time in the browser's time zone. */
export function Time({ milliseconds }: { milliseconds: number }): VNode {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return <span>unknown time</span>;
  return <time dateTime={date.toISOString()}>{date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })}</time>;
}

/** Makes screen readers announce a message without moving the focus. */
export function announce(message: string): void {
  const status = document.getElementById("announcer");
  if (status !== null) status.textContent = message;
}

/** Returns a function that renders the component again and then runs an action, such as moving the focus to an element that is new. */
export function useAfterRender(): (action: () => void) => void {
  const pending = useRef<() => void>(undefined);
  const [, render] = useReducer<number, void>((count) => count + 1, 0);
  useLayoutEffect(() => {
    pending.current?.();
    pending.current = undefined;
  });
  return (action) => {
    pending.current = action;
    render();
  };
}
