export const AGENTS = ["researcher", "writer", "checker", "orchestrator"] as const;

export type AgentName = (typeof AGENTS)[number];

/** Where the agents that serve are: base URLs. */
export type Peers = Readonly<Partial<Record<AgentName, string>>>;

/** What an agent's process tells main, in this order; `url` is empty for an agent that serves nothing. */
export type FromAgent = { readonly url: string } | { readonly report: string };

/** What main tells an agent's process. */
export type ToAgent = { readonly peers: Peers } | { readonly stop: true };
