/**
 * Generates test/semconv/model.json from the model files of OpenTelemetry's semantic conventions: names, types and requirement levels.
 *
 *   node scripts/semconv-model.ts <semantic-conventions> <semantic-conventions-genai>
 *
 * The arguments are checkouts of the two repositories, at the revisions named in SOURCES.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const SOURCES = [
  { repository: "open-telemetry/semantic-conventions", revision: "v1.44.0", date: "2026-08-04" },
  {
    repository: "open-telemetry/semantic-conventions-genai",
    revision: "731f29cee58c4ac78597a0db5763dd4cdf13bbac (a2a, pull request 195), 0e5e6a8 (mcp)",
    date: "2026-10-06",
  },
];

const SPANS = ["http.client", "http.server", "a2a.client", "a2a.server", "a2a.http.server", "mcp.client", "mcp.server"];
const METRICS = /^(?:http\.(?:client|server)\.request|mcp\.(?:client|server)\.(?:operation|session))\.duration$/;

type Level = "required" | "conditionally_required" | "recommended" | "opt_in";

interface Reference {
  readonly id?: string;
  readonly key?: string;
  readonly ref?: string;
  readonly ref_group?: string;
  readonly type?: string | { readonly members: readonly { readonly value: unknown }[] };
  readonly requirement_level?: Level | Partial<Record<Level, string>>;
}

/** A group of the first format of model files, or a group, span or metric of the second. */
interface Group {
  readonly id?: string;
  readonly type?: string;
  readonly name?: unknown;
  readonly metric_name?: string;
  readonly extends?: string;
  readonly ref?: string;
  readonly kind?: string;
  readonly span_kind?: string;
  readonly instrument?: string;
  readonly unit?: string;
  readonly attributes?: readonly Reference[];
}

interface ModelFile {
  readonly groups?: readonly Group[];
  readonly attributes?: readonly Reference[];
  readonly attribute_groups?: readonly Group[];
  readonly spans?: readonly Group[];
  readonly span_refinements?: readonly Group[];
  readonly metrics?: readonly Group[];
}

const groups = new Map<string, Group>();
const types = new Map<string, unknown>();

function readModel(folder: string): void {
  const names = readdirSync(join(folder, "model"), { recursive: true, encoding: "utf8" });
  for (const name of names.filter((file) => file.endsWith(".yaml"))) {
    const file = parse(readFileSync(join(folder, "model", name), "utf8")) as ModelFile;
    const inFile = [file.groups, file.attribute_groups, file.spans, file.span_refinements, file.metrics].flatMap(
      (list) => list ?? [],
    );
    for (const group of inFile) groups.set(idOf(group), group);
    for (const attribute of [...(file.attributes ?? []), ...inFile.flatMap((group) => group.attributes ?? [])]) {
      const key = attribute.key ?? attribute.id;
      if (key !== undefined && attribute.type !== undefined) types.set(key, typeOf(attribute.type));
    }
  }
}

/** `span.http.client` in the first format is `http.client` in the second. */
function idOf(group: Group): string {
  if (group.metric_name !== undefined || group.instrument !== undefined) return group.metric_name ?? (group.name as string);
  return (group.id ?? group.type ?? "").replace(/^span\./, "");
}

function typeOf(type: NonNullable<Reference["type"]>): unknown {
  return typeof type === "string" ? type : type.members.map(({ value }) => value);
}

/** The requirement level of each attribute of a group, including those that it inherits. */
function levelsOf(id: string): Record<string, Level> {
  const group = groups.get(id);
  if (group === undefined) throw new Error(`no group ${id}`);
  const parent = group.extends ?? group.ref;
  const levels: Record<string, Level> = parent === undefined ? {} : levelsOf(parent);
  for (const { ref, ref_group: included, id: own, requirement_level: given } of group.attributes ?? []) {
    if (included !== undefined) Object.assign(levels, levelsOf(included));
    const name = ref ?? own;
    if (name === undefined) continue;
    const level = typeof given === "object" ? (Object.keys(given)[0] as Level) : given;
    levels[name] = level ?? levels[name] ?? "recommended";
  }
  return Object.fromEntries(Object.entries(levels).toSorted(([a], [b]) => a.localeCompare(b)));
}

for (const folder of process.argv.slice(2)) readModel(folder);

const spans = Object.fromEntries(
  SPANS.map((id) => {
    const group = groups.get(id);
    const kind = group?.span_kind ?? group?.kind ?? groups.get(group?.ref ?? "")?.span_kind;
    return [id, { kind, attributes: levelsOf(id) }];
  }),
);
const metrics = Object.fromEntries(
  [...groups.keys()]
    .filter((id) => METRICS.test(id))
    .toSorted()
    .map((id) => {
      const { instrument, unit } = groups.get(id) as Group;
      return [id, { instrument, unit, attributes: levelsOf(id) }];
    }),
);
const used = new Set([...Object.values(spans), ...Object.values(metrics)].flatMap(({ attributes }) => Object.keys(attributes)));
const attributes = Object.fromEntries([...used].toSorted().map((name) => [name, types.get(name)]));
writeFileSync("test/semconv/model.json", `${JSON.stringify({ sources: SOURCES, attributes, spans, metrics }, undefined, 2)}\n`);
