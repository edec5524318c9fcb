import type { Money } from "./usage.ts";

/** Formats milliseconds in a suitable unit with three significant figures: "412 µs", "3.40 ms", "12.5 s", "2 min 3 s". */
export function duration(milliseconds: number): string {
  if (milliseconds === 0) return "0 ms";
  if (milliseconds < 0.9995) return `${figures(milliseconds * 1000)} µs`;
  if (milliseconds < 999.5) return `${figures(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${figures(milliseconds / 1000)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400 * 2) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${whole(Math.round(seconds / 86_400))} days`;
}

function figures(value: number): string {
  return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** Formats an integer: "1,234". */
export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** Formats a number with a noun: "1 span", "2 spans". */
export function many(value: number, one: string, more = `${one}s`): string {
  return `${whole(value)} ${value === 1 ? one : more}`;
}

/** Formats amounts with their currency; small amounts with their significant digits. */
export function money(amounts: Money): string {
  return Object.entries(amounts)
    .map(([currency, amount]) => `${currency === "USD" ? "$" : `${currency} `}${digits(amount)}`)
    .join(" + ");
}

function digits(amount: number): string {
  if (amount === 0) return "0";
  if (amount >= 1) return amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const places = Math.min(8, Math.max(4, 2 - Math.floor(Math.log10(amount))));
  return amount.toFixed(places);
}

/** Formats a cost of which parts may be unknown; an unknown cost is not shown as zero. */
export function cost({ cost: amounts, unpriced, requests }: { cost: Money; unpriced: number; requests: number }): string {
  if (requests === 0) return "none";
  if (unpriced === requests) return "unknown";
  return unpriced > 0 ? `at least ${money(amounts)}` : money(amounts);
}
