import type { Api } from "../app-modules.ts";
import { installedCopies, packagesOf, resolvedPackage } from "../packages.ts";
import type { PackageCopy } from "../packages.ts";
import { tryGet, shownPath } from "../try-get.ts";
import type { Findings } from "../findings.ts";

const API = "@opentelemetry/api";
const OWN = "a2a-otel";

/** What the copies of OpenTelemetry's API share in a process: one place for each major version. */
interface Registry {
  readonly version?: unknown;
  readonly [place: string]: unknown;
}

/** The copies that matter, and which of them holds what is registered. */
export interface Copies {
  /** The API that this package uses. */
  readonly api: PackageCopy | undefined;
  readonly apis: readonly PackageCopy[];
  readonly own: readonly PackageCopy[];
  /** The versions of the packages that are loaded, by name; undefined where that cannot be seen. */
  readonly loaded: ReadonlyMap<string, string> | undefined;
}

/**
 * @param files those that the process runs, if that can be seen.
 * @param entry the application's first file: copies are looked for from there.
 * @param location a file of the copy of a2a-otel that is examined.
 */
export function findCopies(files: readonly string[] | undefined, entry: string | undefined, location: string): Copies {
  const packages = files && tryGet(() => packagesOf(files));
  const api = resolvedPackage(API, location);
  const copiesOf = (name: string): PackageCopy[] => {
    const loaded = packages?.filter((copy) => copy.name === name) ?? [];
    const found = entry === undefined ? [] : installedCopies(name, entry, packages === undefined ? undefined : false);
    return [...loaded, ...found.filter(({ directory }) => loaded.every((copy) => copy.directory !== directory))];
  };
  return {
    api,
    apis: copiesOf(API),
    own: copiesOf(OWN),
    loaded: packages && new Map(packages.map(({ name, version }) => [name, version])),
  };
}

/** The registries that are there, by major version. */
function registries(): Map<string, Registry> {
  const found = new Map<string, Registry>();
  for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
    const major = /^(?:io\.)?opentelemetry\.js\.api\.(\d+)$/.exec(Symbol.keyFor(symbol) ?? "")?.[1];
    if (major !== undefined) found.set(major, (globalThis as unknown as Record<symbol, Registry>)[symbol] as Registry);
  }
  return found;
}

/**
 * Whether a copy of the API sees what another version's has registered: the same major version, and none older than itself by a minor one
 * (the API's own rule, `isCompatible`).
 */
export function sees(copy: string, registered: string): boolean {
  if (copy === registered) return true;
  if (copy.includes("-") || registered.includes("-")) return false;
  const [major, minor = "0"] = copy.split(".");
  const [registeredMajor, registeredMinor = "0"] = registered.split(".");
  return major === registeredMajor && Number(minor) <= Number(registeredMinor);
}

const DEDUPE =
  `\`npm ls ${API}\` shows who brings which; let all use one: \`npm dedupe\`, or in package.json ` +
  `\`"overrides": { "${API}": "$${API}" }\` with the API among your own dependencies.`;

/** @returns whether what is registered can be seen from here: else all that follows is about nothing. */
export function checkApi(findings: Findings, { trace }: Api, { api, apis }: Copies): boolean {
  const registered = registries();
  const own = api?.version.split(".")[0] ?? "1";
  const registry = registered.get(own);
  const version = typeof registry?.version === "string" ? registry.version : undefined;
  const count = findings.all.length;
  const visible = registry === undefined || !isFilled(registry) || isVisible(registry, trace, api?.version, version);

  for (const [major, other] of registered) {
    if (major === own || !isFilled(other)) continue;
    findings.error(
      "api-major",
      `Something is registered with ${API} ${typeof other.version === "string" ? other.version : `${major}.x`}, while a2a-otel uses ${named(api)}. Major versions know nothing of each ` +
        "other: to a2a-otel that SDK is not there.",
      `use an SDK that works with ${API} ${own}.x.`,
    );
  }
  if (!visible) {
    findings.error(
      "api-invisible",
      `What is registered in this process, an SDK perhaps, was registered with ${API} ${version ?? "of unknown version"}. a2a-otel uses ${named(api)}, ` +
        "and a copy of the API sees nothing that an older minor version has registered: to a2a-otel there is no SDK, no propagator and no context " +
        "manager.",
      `\`npm i ${API}@${version ?? "the version that the SDK brings"}\`, which a2a-otel takes from 1.9 on; or give the SDK the newer one: ${DEDUPE}`,
    );
  } else if (registry !== undefined && api !== undefined && version !== undefined && api.version !== version) {
    findings.warn(
      "api-versions",
      `The first to register something was ${API} ${version}, and a2a-otel uses ${named(api)}: it sees what is registered, but the API lets ` +
        "no other version register anything more, so setupPropagation() has no effect.",
      DEDUPE,
    );
  }
  checkOthers(findings, apis, api, version);
  if (findings.all.slice(count).some(({ level }) => level !== "ok")) return visible;
  const loaded = apis.filter((copy) => copy.loaded === true);
  if (loaded.length > 1) {
    findings.ok(
      "api",
      `${loaded.length} copies of ${API} are loaded, of one version; they share what is registered.${listed(loaded)}`,
    );
  } else if (api === undefined) findings.ok("api", `Which copies of ${API} there are cannot be seen here.`);
  else findings.ok("api", `a2a-otel uses ${named(api)}, and no other copy gets in its way.`);
  return visible;
}

/** Copies other than ours that are loaded and cannot see what is registered, or that are installed in several versions. */
function checkOthers(
  findings: Findings,
  apis: readonly PackageCopy[],
  api: PackageCopy | undefined,
  version: string | undefined,
): void {
  const others = apis.filter(({ directory }) => directory !== api?.directory);
  const blind = others.filter((copy) => copy.loaded === true && version !== undefined && !sees(copy.version, version));
  if (blind.length > 0) {
    findings.error(
      "api-copies",
      `${plural(blind.length, "copy", "copies")} of ${API} loaded beside a2a-otel's cannot see what was registered with ${version}: ` +
        `whoever uses it makes no spans and propagates nothing, without a word.${listed(blind)}`,
      DEDUPE,
    );
  }
  const odd = others.filter((copy) => !blind.includes(copy) && api !== undefined && copy.version !== api.version);
  const told = `${API} is there in several versions, of which a2a-otel uses ${api?.version}. A copy sees only what the same or a later minor version has registered, and only the first version may register.`;
  // What is installed and not loaded does no harm by now; it may belong to a tool.
  const harmless = odd.every(({ loaded }) => loaded === false);
  if (odd.length > 0 && harmless) findings.ok("api-copies", told + listed(odd));
  else if (odd.length > 0) findings.warn("api-copies", told + listed(odd), DEDUPE);
}

export function checkOwnCopies(findings: Findings, { own }: Copies): void {
  const loaded = own.filter((copy) => copy.loaded === true);
  if (loaded.length < 2) return;
  findings.warn(
    "own-copies",
    `${loaded.length} copies of a2a-otel are loaded. They know of each other, so no call is traced twice, but the first one's options hold.${listed(loaded)}`,
    "`npm ls a2a-otel`, then `npm dedupe`.",
  );
}

const isFilled = (registry: Registry): boolean =>
  ["trace", "context", "propagation", "metrics"].some((place) => registry[place] !== undefined);

/** Whether our API sees what is registered: by the tracer provider, else by the versions. */
function isVisible(registry: Registry, trace: Api["trace"], own: string | undefined, registered: string | undefined): boolean {
  if (registry["trace"] !== undefined) return trace.getTracerProvider() === registry["trace"];
  return own === undefined || registered === undefined || sees(own, registered);
}

function named(copy: PackageCopy | undefined): string {
  return copy === undefined ? `a copy of ${API} whose version cannot be seen` : `${copy.name} ${copy.version}`;
}

function listed(copies: readonly PackageCopy[]): string {
  const lines = copies.map(({ version, directory, loaded }) => {
    const state = loaded === undefined ? "" : loaded ? ", loaded" : ", not loaded by now";
    return `\n${version} in ${shownPath(directory)}${state}`;
  });
  return lines.join("");
}

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
