import { foreignContract } from "../support/foreign.ts";

foreignContract("after");
