import { mswRequestContract } from "./requests.ts";

mswRequestContract("before");
