import { mswContract } from "./contract.ts";

mswContract("after");
