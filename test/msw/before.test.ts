import { mswContract } from "./contract.ts";

mswContract("before");
