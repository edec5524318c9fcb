import { channel } from "node:diagnostics_channel";
import { expect, it } from "vitest";
import { connectChannels, followResponses } from "../../../src/core/node/undici-channels.ts";

const RESPONSE_CHANNELS = ["headers", "trailers", "error"].map((name) => channel(`undici:request:${name}`));

it("subscribes to the response channels only once they are needed, since undici creates a message for each subscriber", () => {
  connectChannels();
  expect(channel("undici:request:create").hasSubscribers).toBe(true);
  expect(RESPONSE_CHANNELS.map(({ hasSubscribers }) => hasSubscribers)).toEqual([false, false, false]);
  followResponses();
  followResponses();
  expect(RESPONSE_CHANNELS.map(({ hasSubscribers }) => hasSubscribers)).toEqual([true, true, true]);
});
