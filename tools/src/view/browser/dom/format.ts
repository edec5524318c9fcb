import type { Money } from "../../model/usage.ts";

/** Milliseconds in a unit that makes them readable, with three figures: "412 µs", "3.40 ms", "12.5 s", "2 min 3 s". */
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

/** "1,234". */
export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** "1 span", "2 spans". */
export function many(value: number, one: string, more = `${one}s`): string {
  return `${whole(value)} ${value === 1 ? one : more}`;
}

/** Amounts with their currency: small ones with the digits that say something. */
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

/** A cost of which parts may be unknown; never shown as nothing. */
export function cost({ cost: amounts, unpriced, requests }: { cost: Money; unpriced: number; requests: number }): string {
  if (requests === 0) return "none";
  if (unpriced === requests) return "unknown";
  return unpriced > 0 ? `at least ${money(amounts)}` : money(amounts);
}
