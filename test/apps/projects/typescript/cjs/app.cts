import { instrumentAxios } from "a2a-otel/axios";
import { instrumentFetch } from "a2a-otel/fetch";
import axios = require("axios");

export const undoFetch: () => void = instrumentFetch({
  responseHook: (span, { response }) => void span.setAttribute("ok", response.ok),
});
export const undoAxios: () => void = instrumentAxios(axios.create(), {
  responseHook: (span, { response }) => void span.setAttribute("status", response.status),
});
