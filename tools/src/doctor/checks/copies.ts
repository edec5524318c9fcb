import type { Api } from "../app-modules.ts";
import type { Findings } from "../findings.ts";
import { installedCopies, packagesOf, resolvedPackage } from "../packages.ts";
import type { PackageCopy } from "../packages.ts";
import { displayPath, tryGet } from "../try-get.ts";

const API = "@opentelemetry/api";
const LIBRARY = "a2a-otel";

/** The global object in which all copies of OpenTelemetry's API with one major version keep what is registered. */
interface Registry {
  readonly version?: unknown;
  readonly [place: string]: unknown;
}

/** The copies of the packages that matter for a trace. */
export interface Copies {
  /** The copy of the API that a2a-otel uses. */
  readonly api: PackageCopy | undefined;
  readonly apis: readonly PackageCopy[];
  readonly library: readonly PackageCopy[];
  /** The versions of the loaded packages, by name; undefined if they cannot be listed. */
  readonly loaded: ReadonlyMap<string, string> | undefined;
  /** The loaded packages, each copy of its own; empty if they cannot be listed. */
  readonly packages: readonly PackageCopy[];
}

/**
 * @param files the files that the process has loaded, if they can be listed.
 * @param entry the application's first file, from which installed copies are searched.
 * @param location a file of the copy of a2a-otel that is examined.
 */
export function findCopies(files: readonly string[] | undefined, entry: string | undefined, location: string): Copies {
  const packages = files && tryGet(() => packagesOf(files));
  const copiesOf = (name: string): PackageCopy[] => {
    const loaded = packages?.filter((copy) => copy.name === name) ?? [];
    const installed = entry === undefined ? [] : installedCopies(name, entry, packages === undefined ? undefined : false);
    return [...loaded, ...installed.filter(({ directory }) => loaded.every((copy) => copy.directory !== directory))];
  };
  return {
    api: resolvedPackage(API, location),
    apis: copiesOf(API),
    library: copiesOf(LIBRARY),
    packages: packages ?? [],
    loaded: packages && new Map(packages.map(({ name, version }) => [name, version])),
  };
}

/** The registries of this process, by the API's major version. */
function findRegistries(): Map<string, Registry> {
  const registries = new Map<string, Registry>();
  for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
    const major = /^(?:io\.)?opentelemetry\.js\.api\.(\d+)$/.exec(Symbol.keyFor(symbol) ?? "")?.[1];
    if (major !== undefined) registries.set(major, (globalThis as unknown as Record<symbol, Registry>)[symbol] as Registry);
  }
  return registries;
}

/**
 * Whether a copy of the API sees what a copy of another version has registered. By the API's rule (`isCompatible`), the major versions are equal
 * and the minor version of the copy is not newer.
 */
export function isCompatible(copy: string, registered: string): boolean {
  if (copy === registered) return true;
  if (copy.includes("-") || registered.includes("-")) return false;
  const [major, minor = "0"] = copy.split(".");
  const [registeredMajor, registeredMinor = "0"] = registered.split(".");
  return major === registeredMajor && Number(minor) <= Number(registeredMinor);
}

const DEDUPE =
  `\`npm ls ${API}\` shows which package depends on which copy. Let all of them use one: run \`npm dedupe\`, or add the API to your dependencies and ` +
  `\`"overrides": { "${API}": "$${API}" }\` to package.json.`;

/** @returns whether a2a-otel's copy of the API sees what is registered. If not, further checks of what is registered are meaningless. */
export function checkApi(findings: Findings, { trace }: Api, { api, apis }: Copies): boolean {
  const registries = findRegistries();
  const ownMajor = api?.version.split(".")[0] ?? "1";
  const registry = registries.get(ownMajor);
  const version = typeof registry?.version === "string" ? registry.version : undefined;
  const count = findings.all.length;
  const visible = registry === undefined || !hasRegistrations(registry) || isVisible(registry, trace, api?.version, version);

  for (const [major, other] of registries) {
    if (major === ownMajor || !hasRegistrations(other)) continue;
    const otherVersion = typeof other.version === "string" ? other.version : `${major}.x`;
    findings.error(
      "api-major",
      `An SDK, or a part of one, was registered with ${API} ${otherVersion}, but a2a-otel uses ${describeCopy(api)}. Different major versions do not ` +
        "share what is registered, so a2a-otel does not see that SDK.",
      `Use an SDK that works with ${API} ${ownMajor}.x.`,
    );
  }
  if (!visible) {
    findings.error(
      "api-invisible",
      `An SDK, or a part of one, was registered with ${API} ${version ?? "of unknown version"}, but a2a-otel uses ${describeCopy(api)}. A copy of the API ` +
        "does not see what an older minor version has registered, so a2a-otel finds no SDK, no propagator and no context manager.",
      `Run \`npm i ${API}@${version ?? "<the SDK's version>"}\`, since a2a-otel accepts every version from 1.9 on. Or let the SDK use the newer copy: ${DEDUPE}`,
    );
  } else if (registry !== undefined && api !== undefined && version !== undefined && api.version !== version) {
    findings.warn(
      "api-versions",
      `${API} ${version} was the first copy to register something, and a2a-otel uses ${describeCopy(api)}. a2a-otel sees what is registered, but only the ` +
        "first version may register anything, so setupPropagation() has no effect.",
      DEDUPE,
    );
  }
  checkOtherCopies(findings, apis, api, version);
  if (findings.all.slice(count).some(({ level }) => level !== "ok")) return visible;
  const loaded = apis.filter((copy) => copy.loaded === true);
  if (loaded.length > 1) {
    findings.ok(
      "api",
      `${loaded.length} copies of ${API} with the same version are loaded. They share what is registered.${listCopies(loaded)}`,
    );
  } else if (api === undefined) findings.ok("api", `The copies of ${API} cannot be listed in this process.`);
  else findings.ok("api", `a2a-otel uses ${describeCopy(api)}. No other copy conflicts with it.`);
  return visible;
}

/** Checks the copies that a2a-otel does not use: whether they see what is registered, and whether there are several versions. */
function checkOtherCopies(
  findings: Findings,
  apis: readonly PackageCopy[],
  api: PackageCopy | undefined,
  registered: string | undefined,
): void {
  const others = apis.filter(({ directory }) => directory !== api?.directory);
  const blind = others.filter(
    (copy) => copy.loaded === true && registered !== undefined && !isCompatible(copy.version, registered),
  );
  if (blind.length > 0) {
    const copies = blind.length === 1 ? "1 other copy" : `${blind.length} other copies`;
    findings.error(
      "api-copies",
      `${copies} of ${API} cannot see what was registered with version ${registered}. Packages that use such a copy create no spans and propagate ` +
        `nothing, without an error message.${listCopies(blind)}`,
      DEDUPE,
    );
  }
  const different = others.filter((copy) => !blind.includes(copy) && api !== undefined && copy.version !== api.version);
  if (different.length === 0) return;
  const message =
    `Several versions of ${API} are installed. a2a-otel uses ${api?.version}. A copy only sees what the same or a later minor version has ` +
    `registered, and only the first version may register anything.${listCopies(different)}`;
  // A copy that is installed but not loaded may belong to a development tool.
  if (different.every(({ loaded }) => loaded === false)) findings.ok("api-copies", message);
  else findings.warn("api-copies", message, DEDUPE);
}

export function checkLibraryCopies(findings: Findings, { library }: Copies): void {
  const loaded = library.filter((copy) => copy.loaded === true);
  if (loaded.length < 2) return;
  findings.warn(
    "own-copies",
    `${loaded.length} copies of a2a-otel are loaded. They recognise each other's calls, so no call is traced twice.${listCopies(loaded)}`,
    "Run `npm ls a2a-otel`, then `npm dedupe`.",
  );
}

const PLACES = ["trace", "context", "propagation", "metrics"];
const hasRegistrations = (registry: Registry): boolean => PLACES.some((place) => registry[place] !== undefined);

/** Whether a2a-otel's copy of the API sees what is registered: according to the tracer provider, or else to the versions. */
function isVisible(
  registry: Registry,
  trace: Api["trace"],
  version: string | undefined,
  registeredVersion: string | undefined,
): boolean {
  if (registry["trace"] !== undefined) return trace.getTracerProvider() === registry["trace"];
  return version === undefined || registeredVersion === undefined || isCompatible(version, registeredVersion);
}

function describeCopy(copy: PackageCopy | undefined): string {
  return copy === undefined ? `a copy of ${API} of unknown version` : `${copy.name} ${copy.version}`;
}

function listCopies(copies: readonly PackageCopy[]): string {
  const lines = copies.map(({ version, directory, loaded }) => {
    const state = loaded === undefined ? "" : loaded ? ", loaded" : ", not loaded";
    return `\n${version} in ${displayPath(directory)}${state}`;
  });
  return lines.join("");
}
