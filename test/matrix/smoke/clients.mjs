import axios from "axios";
import got from "got";
import { Agent } from "undici";
import { use } from "./uses.mjs";

const { wrapFetch } = await use("./fetch");
const { traceInterceptor } = await use("./undici");
const { instrumentAxios } = await use("./axios");
const { wrapGot } = await use("./got");

const agent = new Agent();
const dispatcher = agent.compose(traceInterceptor());
const instance = axios.create();
const undo = instrumentAxios(instance);
const traced = wrapGot(got);
const wrapped = wrapFetch(globalThis.fetch);

/** Each client, as a function that asks a URL for its text. */
export const CLIENTS = {
  fetch: async (url) => (await fetch(url)).text(),
  undici: async (url) => {
    const { origin, pathname } = new URL(url);
    return (await dispatcher.request({ origin, path: pathname, method: "GET" })).body.text();
  },
  axios: async (url) => (await instance.get(url)).data,
  got: async (url) => traced(url).text(),
  wrappedFetch: async (url) => (await wrapped(url)).text(),
};

export async function stopClients() {
  undo();
  await agent.close();
}
