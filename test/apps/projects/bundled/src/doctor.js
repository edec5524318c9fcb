// What the package says of the process that it is a part of.
import "a2a-otel/register";
import "./telemetry.js";
import { doctor } from "a2a-otel-cli/doctor";

void doctor().then((report) => console.log(JSON.stringify({ ...report, text: String(report) })));
