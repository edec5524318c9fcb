// Formats the entries that `changeset version` writes to CHANGELOG.md: the text of each change, without commit hashes.

/** Formats a change as a list item. */
export function getReleaseLine({ summary }) {
  const [first, ...rest] = summary.trim().split("\n");
  return [`- ${first}`, ...rest.map((line) => `  ${line}`.trimEnd())].join("\n");
}

/** Formats updates of dependencies within the repository. They are not listed. */
export function getDependencyReleaseLine() {
  return "";
}
