import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { mswNodeContract } from "./msw.ts";

const server = setupServer(http.get("http://mocked.example/", () => HttpResponse.text("mocked")));

mswNodeContract({
  version: "3",
  listen: () => server.listen({ onUnhandledFrame: "bypass" }),
  close: () => server.close(),
});
