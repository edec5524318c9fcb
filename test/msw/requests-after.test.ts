import { mswRequestContract } from "./requests.ts";

mswRequestContract("after");
