import { foreignContract } from "../support/foreign.ts";

foreignContract("before");
