import { foreignContract } from "./foreign.ts";

foreignContract("before");
