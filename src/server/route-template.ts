/** `http.route` of a path as express and `@koa/router` take it; undefined if it is none. */
export function routeTemplate(path: unknown): string | undefined {
  if (typeof path === "string") return unescapePath(path);
  if (path instanceof RegExp) return String(path);
  return Array.isArray(path) ? path.map(routeTemplate).join("|") : undefined;
}

/** Removes the backslashes that escape characters in a path (`/message\:send`), except in the patterns of express 4, which are in parentheses. */
export function unescapePath(path: string): string {
  return path.replace(/\\([^\w\s])|\((?:\\.|[^\\)])*\)/g, (match, escaped?: string) => escaped ?? match);
}
