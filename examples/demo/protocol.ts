export const AGENTS = ["researcher", "writer", "checker", "orchestrator"] as const;

export type AgentName = (typeof AGENTS)[number];

/** The base URLs of the agents that serve. */
export type Peers = Readonly<Partial<Record<AgentName, string>>>;

/** Messages from an agent's process to the main process, in this order. `url` is empty for an agent that serves nothing. */
export type FromAgent = { readonly url: string } | { readonly report: string };

/** Messages from the main process to an agent's process. */
export type ToAgent = { readonly peers: Peers } | { readonly stop: true };
