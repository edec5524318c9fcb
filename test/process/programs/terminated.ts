import { makeClients, reading, startSdk, report } from "./kit.ts";

// A service that receives SIGTERM during calls and streams and either abandons or cancels them.

const { SERVER: server, MODE: mode } = process.env;
const provider = startSdk();
const controller = new AbortController();
const underWay: Promise<string>[] = [];
process.on("exit", (code) => report("exit", code));
process.on("SIGTERM", async () => {
  if (mode === "cancel") {
    controller.abort();
    await Promise.all(underWay);
    // got rejects before Node has closed the connection, with which its span ends.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await provider.shutdown();
  if (mode === "leave") process.exit();
});

for (const [name, client] of Object.entries(makeClients(true))) {
  await client.whole(`${server}/ok?${name}`);
  const { over } = await reading(await client.stream(`${server}/endless?${name}`, controller.signal));
  underWay.push(
    over,
    client.whole(`${server}/stall?${name}`, controller.signal).then(String, (error: Error) => error.name),
  );
}
setTimeout(() => report("ready"), 50);
