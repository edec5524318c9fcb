/** The items of a comma-separated environment variable; undefined where it is not set, or where a platform has none or permits none. */
export function environmentList(name: string): string[] | undefined {
  const value = valueOf(name);
  if (value === undefined || value.trim() === "") return undefined;
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function valueOf(name: string): string | undefined {
  try {
    return globalThis.process?.env?.[name];
  } catch {
    return undefined; // Deno without --allow-env
  }
}
