// One subpath of the package, and no SDK: what else it has must not come along.
import { instrumentFetch } from "a2a-otel/fetch";

instrumentFetch();
void fetch(process.env.AGENT_URL).then(async (answer) => console.log(await answer.text()));
