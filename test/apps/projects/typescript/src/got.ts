import { wrapGot } from "a2a-otel/got";
import type { GotOptions } from "a2a-otel/got";
import got from "got";
import type { ExtendOptions, Got, Options, Response } from "got";
import { same } from "./type.js";

const options: GotOptions = {
  urlTemplate: (request) => {
    same<typeof request, Options>();
    return request.context["template"] as string;
  },
  responseHook: (span, { response }) => {
    same<typeof response, Response>();
    span.setAttribute("retries", response.retryCount);
  },
};
export const traced = wrapGot(got, options);
traced satisfies Got;
const extended: ExtendOptions = { prefixUrl: "https://agents.example" };
const client = wrapGot(got.extend(extended));
export const card: Promise<{ name: string }> = client(".well-known/agent-card.json").json<{ name: string }>();
// @ts-expect-error no got
wrapGot(fetch);
