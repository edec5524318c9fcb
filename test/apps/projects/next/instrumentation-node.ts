import "./sdk"; // your SDK, or none
import { instrumentFetch } from "a2a-otel/fetch";
import { setupPropagation } from "a2a-otel/setup";

setupPropagation(); // registers only what your SDK did not register
instrumentFetch();
