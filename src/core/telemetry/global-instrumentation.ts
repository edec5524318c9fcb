import { areEqual, hasOptions } from "./check-options.ts";
import { sharedState } from "./shared-state.ts";

/** One call of a function that instruments a global. */
interface Installation<Config> {
  /** The public function, for error messages. */
  readonly caller: (...args: never[]) => unknown;
  readonly options: object;
  readonly config: Config;
}

interface Installed<Config> extends Installation<Config> {
  /** The file and line that called it; empty if the platform does not show it. */
  readonly callSite: string;
}

/**
 * A global that is instrumented in place once, however often it is installed and by however many copies of this package. It is removed when every
 * installation has been undone.
 *
 * Options are never dropped: those of a later call take effect over an instrumentation without options until they are undone, and different options for the
 * same global throw.
 */
export class GlobalInstrumentation<Config> {
  /** The configuration in effect; undefined once everything is undone. */
  config: Config | undefined = undefined;
  readonly #remove: () => void;
  readonly #installations = new Set<Installed<Config>>();

  /** @param remove removes the instrumentation after the last installation was undone. */
  constructor(remove: () => void) {
    this.#remove = remove;
  }

  /**
   * @returns the function that undoes this installation.
   * @throws TypeError if other options are in effect.
   */
  install(installation: Installation<Config>): () => void {
    const conflicting = [...this.#installations].find(
      ({ options }) => hasOptions(options) && hasOptions(installation.options) && !areEqual(options, installation.options),
    );
    if (conflicting !== undefined) {
      const { caller, callSite } = conflicting;
      throw new TypeError(
        `${installation.caller.name}: other options are in effect, which ${caller.name}()${callSite} has set. ` +
          "Pass the same options to both calls, or undo the first call with the function that it returned.",
      );
    }
    const installed = { ...installation, callSite: findCallSite(installation.caller) };
    this.#installations.add(installed);
    this.#update();
    return () => {
      if (!this.#installations.delete(installed)) return;
      this.#update();
      if (this.#installations.size === 0) this.#remove();
    };
  }

  #update(): void {
    const installations = [...this.#installations];
    const inEffect = installations.find(({ options }) => hasOptions(options)) ?? installations[0];
    this.config = inEffect?.config;
  }
}

function findCallSite(caller: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace?.(holder, caller);
  const frame = holder.stack?.split("\n")[1]?.trim();
  return frame === undefined ? "" : ` (${frame})`;
}

/**
 * The instrumentation of the whole process, of any copy of this package.
 *
 * @param create creates it if there is none; `remove` must be called when its last installation was undone.
 */
export function processInstrumentation<Config>(
  create: (remove: () => void) => GlobalInstrumentation<Config>,
): GlobalInstrumentation<Config> {
  const existing = sharedState.processInstrumentation as GlobalInstrumentation<Config> | undefined;
  if (existing !== undefined) return existing;
  const instrumentation = create(() => {
    sharedState.processInstrumentation = undefined;
  });
  sharedState.processInstrumentation = instrumentation;
  return instrumentation;
}

/**
 * Whether the process is instrumented. A client must then run its transport in the call's context, so that the requests of a call are recognised that carry no
 * header of their own.
 */
export function isProcessInstrumented(): boolean {
  return (sharedState.processInstrumentation as GlobalInstrumentation<unknown> | undefined)?.config !== undefined;
}
