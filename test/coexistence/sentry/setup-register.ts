import "./setup.ts";
import "a2a-otel/register";
