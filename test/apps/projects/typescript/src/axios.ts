import { instrumentAxios } from "a2a-otel/axios";
import type { AxiosLike, AxiosOptions } from "a2a-otel/axios";
import axios, { Axios } from "axios";
import type { AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { same } from "./type.js";

const options: AxiosOptions = {
  requestHook: (span, request) => {
    same<typeof request, InternalAxiosRequestConfig>();
    span.setAttribute("timeout", request.timeout ?? 0);
  },
  responseHook: (span, { response }) => {
    same<typeof response, AxiosResponse>();
    span.setAttribute("text", response.statusText);
  },
};
export const undo = instrumentAxios(axios, options);
undo satisfies () => void;
instrumentAxios(axios.create());
instrumentAxios(new Axios({}));
const like: AxiosLike = axios;
instrumentAxios(like);
// @ts-expect-error no axios
instrumentAxios({});
