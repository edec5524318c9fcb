import { instrumentFetch } from "a2a-otel/fetch";
import { setupPropagation } from "a2a-otel/setup";

// No SDK here: what this runtime sends goes on with the trace that it was called in.
setupPropagation();
instrumentFetch();
