/** Reads what belongs to others, and so may not be there, be something else or throw: undefined then. */
export function tryGet<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The name of an object's class, without the number that a bundler puts behind it; undefined where it has none to tell, or a minifier's. */
export function className(value: unknown): string | undefined {
  const name = tryGet(() => (value as object).constructor.name as unknown);
  if (typeof name !== "string" || name === "Object" || name.length < 3) return undefined;
  return name.replace(/\$\d+$/, "");
}

/** A path as a reader finds it: from the working directory if it is below that. */
export function shownPath(path: string): string {
  const relative = tryGet(() => process.getBuiltinModule("node:path").relative(process.cwd(), path));
  return relative === undefined || relative === "" || relative.startsWith("..") ? path : relative;
}
