// What a user writes first: the global fetch. Preloaded before or after the product.
import { instrumentFetch } from "a2a-otel/fetch";
import { options } from "./options.ts";

instrumentFetch(options);
