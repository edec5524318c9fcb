import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
// #region readme
import axios from "axios";
import { instrumentAxios } from "a2a-otel/axios";

instrumentAxios(axios);
// #endregion

const agent = createServer((_, response) => void response.end("hello")).listen(0, "127.0.0.1", async () => {
  const { port } = agent.address() as AddressInfo;
  const { data } = await axios.get<string>(`http://127.0.0.1:${port}/`);
  console.log(data);
  agent.close();
});
