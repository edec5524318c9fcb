import { foreignContract } from "./foreign.ts";

foreignContract("after");
