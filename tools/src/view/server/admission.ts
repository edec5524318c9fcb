import type { IncomingMessage } from "node:http";
import type { Refusal } from "./answer.ts";

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
// Names by which a container reaches the loopback interface of its host. They cannot be registered in DNS.
const FROM_CONTAINER = /^(host\.docker\.internal|gateway\.docker\.internal|host\.containers\.internal)(:\d+)?$/i;

/**
 * Checks whether a request may be served. The receiver listens on loopback, but a page of any site can send requests there from the developer's
 * browser: under its own host name, if that resolves to loopback (DNS rebinding), or across origins.
 */
export function admission(request: IncomingMessage, isExport: boolean): Refusal | undefined {
  const { host = "", origin } = request.headers;
  if (!LOOPBACK.test(host) && !(isExport && FROM_CONTAINER.test(host))) {
    return {
      status: 403,
      message: `Requests to the host ${JSON.stringify(host.slice(0, 100))} are not served, only those to localhost or 127.0.0.1.`,
    };
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return { status: 403, message: `Requests from pages of ${JSON.stringify(origin.slice(0, 100))} are not served.` };
  }
  const site = request.headers["sec-fetch-site"];
  // A link on another site may lead here, but its scripts and images may not.
  if (site === "cross-site" && request.headers["sec-fetch-mode"] !== "navigate") {
    return { status: 403, message: "Requests from pages of other sites are not served." };
  }
  return undefined;
}
