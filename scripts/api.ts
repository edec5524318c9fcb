/**
 * `node scripts/api.ts` writes docs/api.md from what `npm run build` has emitted: each export of each subpath with its declaration and its docstring.
 *
 * It reads `dist/**\/*.d.ts` by lines. The compiler lays declarations out in one way: each begins in the first column, and a line closes it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { posix } from "node:path";

/** Reads a file of the project, by its path from the root. */
export type Read = (path: string) => string;

/** A declaration, or a member of one. */
interface Item {
  readonly doc: string;
  readonly code: string;
}

const root = new URL("../", import.meta.url);
const readProject: Read = (path) => readFileSync(new URL(path, root), "utf8");

/** The page. */
export function renderApi(read: Read = readProject): string {
  const { name, exports } = JSON.parse(read("package.json")) as { name: string; exports: Record<string, string> };
  const sections = Object.entries(exports)
    .filter(([, target]) => target.endsWith(".js"))
    .map(([subpath, target]) => {
      const found = exportsOf(read, target.replace(/^\.\//, "").replace(/\.js$/, ".d.ts"));
      const body = [...found].map(([exported, items]) => renderExport(exported, items));
      const content = body.length === 0 ? "Exports nothing: it is imported for what it does." : body.join("\n\n");
      return `## ${posix.join(name, subpath)}\n\n${content}`;
    });
  const intro = [
    "# API",
    "Made from the types by `node scripts/api.ts`; a test holds it against them. What the options mean in practice: [clients](clients.md), " +
      "[servers](servers.md), [A2A](a2a.md), [queues](queues.md), [doctor](doctor.md).",
  ];
  return `${[...intro, ...sections].join("\n\n")}\n`;
}

/** The declarations that a module exports, by name; those of other modules are looked up there. */
function exportsOf(read: Read, file: string): Map<string, Item[]> {
  const found = new Map<string, Item[]>();
  for (const item of itemsOf(read(file))) {
    const [, names, from] = /^export (?:type )?\{([^}]*)\} from "([^"]+)"/.exec(item.code) ?? [];
    if (names !== undefined && from !== undefined) {
      const there = declarationsOf(read, posix.join(posix.dirname(file), from.replace(/\.ts$/, ".d.ts")));
      for (const each of names.split(",")) {
        const [declared = "", exported = declared] = each.trim().split(" as ");
        found.set(exported, there.get(declared) ?? fail(`${file}: ${declared} is not in ${from}`));
      }
    } else if (/^export (?!\{\})/.test(item.code)) {
      const name = nameOf(item.code) ?? fail(`${file}: what does this export?\n${item.code}`);
      found.set(name, [...(found.get(name) ?? []), item]);
    }
  }
  return found;
}

function declarationsOf(read: Read, file: string): Map<string, Item[]> {
  const found = new Map<string, Item[]>();
  for (const item of itemsOf(read(file))) {
    const name = nameOf(item.code);
    if (name === undefined) continue;
    // Where an interface takes another's members, they are its own to whoever reads of it.
    const [head, base] = /^[^{]*? extends (\w+)[^{]*\{/.exec(item.code) ?? [];
    const inherited = base === undefined ? undefined : found.get(base)?.[0];
    const code = head === undefined || inherited === undefined ? item.code : merged(item.code, head, inherited.code);
    found.set(name, [...(found.get(name) ?? []), { ...item, code }]);
  }
  return found;
}

const merged = (code: string, head: string, base: string): string =>
  `${head.replace(/ extends .*/, " {")}${code.slice(head.length, -1).trimEnd()}\n${bodyOf(base)}\n}`;

const bodyOf = (code: string): string => code.slice(code.indexOf("{") + 1, code.lastIndexOf("}")).replace(/^\n+|\s+$/g, "");

const nameOf = (code: string): string | undefined =>
  /^(?:export )?(?:declare )?(?:function|interface|type|const|class) (\w+)/.exec(code)?.[1];

/** The items of a module, or of the body of an interface. */
function itemsOf(text: string): Item[] {
  const items: Item[] = [];
  let doc: string[] = [];
  let code: string[] = [];
  let inDoc = false;
  for (const line of text.split("\n")) {
    if (code.length === 0 && (inDoc || line.trimStart().startsWith("/**"))) {
      doc = inDoc ? [...doc, line] : [line];
      inDoc = !line.includes("*/");
    } else if (line.trim() !== "" && !line.startsWith("//#")) {
      code.push(line);
      if (isClosed(code)) {
        items.push({ doc: plain(doc), code: code.join("\n").replace(/\/\/# sourceMappingURL.*/, "") });
        [doc, code] = [[], []];
      }
    }
  }
  return items;
}

function isClosed(code: readonly string[]): boolean {
  const text = code.filter((line) => !/^\s*\/?\*/.test(line)).join("\n");
  const count = (brackets: RegExp): number => text.match(brackets)?.length ?? 0;
  return count(/[{([]/g) === count(/[})\]]/g) && /[;}]$/.test(text.trimEnd());
}

/** A docstring without its stars. */
const plain = (doc: readonly string[]): string =>
  doc
    .join("\n")
    .replace(/^\s*\/\*\*|\*\/\s*$/g, "")
    .replaceAll(/^[ \t]*\* ?/gm, "")
    .replaceAll(/\{@link (\w+)\}/g, "`$1`")
    .trim();

function renderExport(name: string, items: readonly Item[]): string {
  const [item] = items as [Item];
  const kind = /(?:function|interface|type|const|class)/.exec(item.code.replace(/^export (?:declare )?/, ""))?.[0];
  const isInterface = kind === "interface";
  const signature = isInterface ? item.code.slice(0, item.code.indexOf("{")).trim() : items.map(({ code }) => code).join("\n");
  const shown = signature.replaceAll(/^export (?:declare )?/gm, "").replaceAll(/^ {4}/gm, "  ");
  return [
    `### ${name}`,
    fenced(shown),
    renderDoc(items.find(({ doc }) => doc !== "")?.doc ?? ""),
    isInterface ? members(item.code) : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

// Not "ts", which is the mark of a snippet that an example has.
const fenced = (code: string): string => `\`\`\`typescript\n${code}\n\`\`\``;

function renderDoc(doc: string): string {
  const [text = "", ...tags] = doc.split(/^@/m);
  const lines = tags.map((tag) => {
    const [, kind, rest = ""] = /^(\w+)\s*([\s\S]*)$/.exec(tag.trim()) ?? [];
    if (kind === "example") return `\n${fenced(rest)}`;
    if (kind !== "param") return `- ${kind}: ${oneLine(rest)}`;
    const [, parameter, meaning = ""] = /^(\w+)\s*([\s\S]*)$/.exec(rest) ?? [];
    return `- \`${parameter}\`: ${oneLine(meaning)}`;
  });
  return [text.trim(), lines.join("\n").trim()].filter((part) => part !== "").join("\n\n");
}

function members(code: string): string {
  const rows = itemsOf(bodyOf(code)).map(({ doc, code: member }) => {
    const [, name = "", rest = ""] = /^(?:readonly )?([^:(]+)([\s\S]*)$/.exec(member.trim()) ?? [];
    const type = oneLine(rest.replace(/^:/, "").replace(/;$/, ""));
    return `| \`${name}\` | ${type === "" ? "" : `\`${escaped(type)}\``} | ${escaped(oneLine(doc))} |`;
  });
  return ["| member | type | |", "| --- | --- | --- |", ...rows].join("\n");
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
const escaped = (text: string): string => text.replaceAll("|", String.raw`\|`);

function fail(message: string): never {
  throw new Error(message);
}

if (import.meta.main) writeFileSync(new URL("docs/api.md", root), renderApi());
