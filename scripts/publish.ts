/**
 * `npm run release:publish` publishes the packages whose version the registry does not have yet, and tags the release.
 *
 * npm signs a statement of provenance only on a CI service, and refuses it unless `repository` in package.json names the repository that CI
 * builds. The repository is therefore written to package.json at publish time, from the environment of CI; without it, no provenance is requested.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** The URL of the repository that CI builds, or undefined outside of GitHub Actions and GitLab CI. */
export function repositoryUrl(environment: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_SERVER_URL = "https://github.com", GITHUB_REPOSITORY, CI_PROJECT_URL } = environment;
  const address = GITHUB_REPOSITORY === undefined ? CI_PROJECT_URL : `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`;
  return address === undefined || address === "" ? undefined : `git+${address}.git`;
}

/** Returns package.json's text with the repository in it; a repository that is already there is kept. */
export function withRepository(manifest: string, url: string, directory?: string): string {
  const repository = { type: "git", url, ...(directory !== undefined && { directory }) };
  return `${JSON.stringify({ repository, ...(JSON.parse(manifest) as object) }, undefined, 2)}\n`;
}

/** Publishes the library, then the tools, which have a `.changeset` folder of their own. The library's version names the tag. */
function publishPackages(environment: NodeJS.ProcessEnv = process.env): number {
  const changeset = (cwd: string, ...args: string[]): number =>
    spawnSync("changeset", args, { cwd, env: environment, stdio: "inherit" }).status ?? 1;
  return changeset(".", "publish") || changeset("tools", "publish", "--no-git-tag");
}

function publish(): number {
  const url = repositoryUrl(process.env);
  if (url === undefined) {
    console.warn("The environment names no repository: publishing without provenance.");
    return publishPackages();
  }
  for (const directory of [undefined, "tools"]) {
    const file = directory === undefined ? "package.json" : `${directory}/package.json`;
    if (existsSync(file)) writeFileSync(file, withRepository(readFileSync(file, "utf8"), url, directory));
  }
  // The environment variable is npm's form of `--provenance`, which `changeset publish` does not pass on.
  return publishPackages({ ...process.env, NPM_CONFIG_PROVENANCE: "true" });
}

if (import.meta.main) process.exitCode = publish();
