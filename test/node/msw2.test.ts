import { HttpResponse, http } from "msw2";
import { setupServer } from "msw2/node";
import { mswNodeContract } from "./msw.ts";

const server = setupServer(http.get("http://mocked.example/", () => HttpResponse.text("mocked")));

mswNodeContract({
  version: "2",
  listen: () => server.listen({ onUnhandledRequest: "bypass" }),
  close: () => server.close(),
});
