// What `changeset version` writes into CHANGELOG.md: the text of each change alone, since users have no use for a commit's hash.

/** A change as an item of a list. */
export function getReleaseLine({ summary }) {
  const [first, ...rest] = summary.trim().split("\n");
  return [`- ${first}`, ...rest.map((line) => `  ${line}`.trimEnd())].join("\n");
}

/** Changes of the packages that a package of the same repository depends on: there is but one here. */
export function getDependencyReleaseLine() {
  return "";
}
