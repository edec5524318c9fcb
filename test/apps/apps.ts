import type { App } from "./checks.ts";
import { webApp } from "./web.ts";

/** The apps, in the order in which they run. A new one: its folder beside this file, its line here. */
export const apps: readonly App[] = [
  webApp({ name: "express-4", clients: ["fetch", "axios"], route: (client) => `/call/${client}/:path` }),
  webApp({ name: "express-5", clients: ["fetch", "axios"], route: (client) => `/call/${client}/:path` }),
];
