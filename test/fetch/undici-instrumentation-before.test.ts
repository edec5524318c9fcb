import { besideUndici } from "./beside-undici.ts";

besideUndici("before");
