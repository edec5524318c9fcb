/** Returns what `read` returns, or undefined if it throws. It is for properties of objects that belong to other code, which may have changed. */
export function tryGet<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The name of an object's class without the number that bundlers append; undefined if there is none or if a minifier shortened it. */
export function className(value: unknown): string | undefined {
  const name = tryGet(() => (value as object).constructor.name as unknown);
  if (typeof name !== "string" || name === "Object" || name.length < 3) return undefined;
  return name.replace(/\$\d+$/, "");
}

/** A path as the report shows it: relative to the working directory if it is below that. */
export function displayPath(path: string): string {
  const relative = tryGet(() => process.getBuiltinModule("node:path").relative(process.cwd(), path));
  return relative === undefined || relative === "" || relative.startsWith("..") ? path : relative;
}
