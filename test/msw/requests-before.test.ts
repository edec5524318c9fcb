import { bypass } from "msw";
import { setupServer } from "msw/node";
import { mswRequestContract } from "./requests.ts";

const server = setupServer();

mswRequestContract("before", {
  version: "3",
  listen: () => server.listen({ onUnhandledFrame: "bypass" }),
  close: () => server.close(),
  bypass,
});
