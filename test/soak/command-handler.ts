import type { Answers, Command, Role } from "./messages.ts";

/** The role that the parent process gave to this process. */
export const role = JSON.parse(process.argv[2] ?? "{}") as Role;

type Handlers = {
  readonly [Name in Command["command"]]?: (command: Extract<Command, { command: Name }>) => Promise<Answers[Name]>;
};

/** Answers the commands of the parent process and exits when the parent disconnects. */
export function handleCommands(handlers: Handlers): void {
  process.on("message", (command: Command) => {
    const handle = handlers[command.command] as ((command: Command) => Promise<unknown>) | undefined;
    void handle?.(command).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
