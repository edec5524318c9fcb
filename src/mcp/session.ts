import type { Attributes } from "@opentelemetry/api";
import { ERROR_TYPE, NETWORK_PROTOCOL_NAME, SERVER_ADDRESS, SERVER_PORT } from "../core/http/attributes.ts";
import { readHeader } from "../core/propagation/carrier.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { now } from "../core/telemetry/meter.ts";
import { MCP_PROTOCOL_VERSION, MCP_SESSION_ID } from "./message/attributes.ts";
import type { McpConfig } from "./config.ts";
import { asFields, asText } from "./message/message.ts";
import type { Message } from "./message/message.ts";
import type { MessageExtra, Transport } from "./transport.ts";

// Every request of MCP 2026-07-28 carries the version. Earlier, `initialize` negotiates it, and HTTP requests carry it in a header.
const PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion";
const PROTOCOL_VERSION_HEADER = "mcp-protocol-version";

export const INITIALIZE = "initialize";

/** What `initialize` agrees on. The duration of a session is recorded where it has begun with `initialize`; MCP 2026-07-28 has no sessions. */
export class Session {
  readonly #config: McpConfig;
  readonly #transport: Transport;
  readonly #attributes: Attributes;
  /** The attributes that were returned last: they change only with the session. */
  #known: Attributes;
  #protocolVersion: string | undefined = undefined;
  #startTime: number | undefined = undefined;
  #errorType: string | undefined = undefined;

  /** @param attributes those of the connection. */
  constructor(config: McpConfig, transport: Transport, attributes: Attributes) {
    this.#config = config;
    this.#transport = transport;
    this.#attributes = attributes;
    this.#known = attributes;
  }

  /** The attributes of the connection and of the session that a message belongs to. */
  attributesOf({ method, params }: Message, extra: MessageExtra | undefined): Attributes {
    const connection = this.#attributes;
    if (method === INITIALIZE) return connection;
    const stated = params?._meta === undefined ? undefined : asText(asFields(params._meta)?.[PROTOCOL_VERSION]);
    if (stated !== undefined) return { ...connection, [MCP_PROTOCOL_VERSION]: stated };
    const { sessionId } = this.#transport;
    const version = this.#protocolVersion ?? readHeader((extra?.requestInfo ?? extra?.request)?.headers, PROTOCOL_VERSION_HEADER);
    const known = this.#known;
    if (known[MCP_PROTOCOL_VERSION] === version && known[MCP_SESSION_ID] === sessionId) return known;
    this.#known = { ...connection };
    if (version !== undefined) this.#known[MCP_PROTOCOL_VERSION] = version;
    if (sessionId !== undefined) this.#known[MCP_SESSION_ID] = sessionId;
    return this.#known;
  }

  /** `initialize` was sent or received. */
  begin(): void {
    this.#startTime = now();
  }

  /** The response to `initialize` was received or is sent. Returns its attributes. */
  initialized({ result, error }: Message): Attributes {
    if (error !== undefined) this.#errorType = String(error.code);
    this.#protocolVersion = asText(asFields(result)?.["protocolVersion"]);
    const sessionId = asText(this.#transport.sessionId);
    return {
      ...(this.#protocolVersion !== undefined && { [MCP_PROTOCOL_VERSION]: this.#protocolVersion }),
      ...(sessionId !== undefined && { [MCP_SESSION_ID]: sessionId }),
    };
  }

  /** The connection was closed. */
  end(): void {
    if (this.#startTime === undefined) return;
    const duration = (now() - this.#startTime) / 1000;
    this.#startTime = undefined;
    const attributes: Attributes = {};
    for (const name of [NETWORK_PROTOCOL_NAME, SERVER_ADDRESS, SERVER_PORT]) {
      if (this.#attributes[name] !== undefined) attributes[name] = this.#attributes[name];
    }
    if (this.#protocolVersion !== undefined) attributes[MCP_PROTOCOL_VERSION] = this.#protocolVersion;
    if (this.#errorType !== undefined) attributes[ERROR_TYPE] = this.#errorType;
    safeCall("a histogram", () => this.#config.session()?.record(duration, attributes));
  }
}
