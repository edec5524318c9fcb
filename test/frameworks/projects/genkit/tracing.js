// The instrumentation file of an application: node --import ./tracing.js agent.js
import { disableGenkitOTelInitialization, disableOTelRootSpanDetection } from "genkit/tracing";
import "./sdk.js";

disableGenkitOTelInitialization(); // The application has an SDK.
if (process.env.VARIANT !== "roots") disableOTelRootSpanDetection(); // Otherwise each flow starts a trace.
