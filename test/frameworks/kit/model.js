import { MODEL_URL } from "./serve.js";

/** Asks the model by a plain fetch, for frameworks that are no clients of models. */
export async function askModel() {
  const body = JSON.stringify({ model: "stub", messages: [{ role: "user", content: "Add 1 and 2" }] });
  const response = await fetch(`${MODEL_URL}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return (await response.json()).choices[0].message.content;
}
