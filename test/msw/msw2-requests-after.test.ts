import { bypass } from "msw2";
import { setupServer } from "msw2/node";
import { mswRequestContract } from "./requests.ts";

const server = setupServer();

mswRequestContract("after", {
  version: "2",
  listen: () => server.listen({ onUnhandledRequest: "bypass" }),
  close: () => server.close(),
  bypass,
});
