import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { repositoryUrl, withRepository } from "../scripts/publish.ts";

describe("repositoryUrl", () => {
  it("is the repository of the GitHub Actions job", () => {
    expect(repositoryUrl({ GITHUB_REPOSITORY: "acme/agents" })).toBe("git+https://github.com/acme/agents.git");
  });

  it("uses the server of GitHub Enterprise", () => {
    const environment = { GITHUB_SERVER_URL: "https://git.acme.example", GITHUB_REPOSITORY: "acme/agents" };
    expect(repositoryUrl(environment)).toBe("git+https://git.acme.example/acme/agents.git");
  });

  it("is the project of the GitLab CI job", () => {
    expect(repositoryUrl({ CI_PROJECT_URL: "https://gitlab.example/acme/agents" })).toBe(
      "git+https://gitlab.example/acme/agents.git",
    );
  });

  it("is undefined outside of CI", () => {
    expect(repositoryUrl({})).toBeUndefined();
  });
});

describe("withRepository", () => {
  it("adds the repository and keeps the other fields", () => {
    const manifest = withRepository('{ "name": "a2a-otel-cli" }', "git+https://github.com/acme/agents.git", "tools");
    expect(JSON.parse(manifest)).toEqual({
      repository: { type: "git", url: "git+https://github.com/acme/agents.git", directory: "tools" },
      name: "a2a-otel-cli",
    });
  });

  it("keeps a repository that the manifest already names", () => {
    const manifest = withRepository('{ "repository": "github:acme/agents" }', "git+https://github.com/other/fork.git");
    expect(JSON.parse(manifest)).toEqual({ repository: "github:acme/agents" });
  });
});

describe("package.json", () => {
  it("requests no provenance by itself, which npm refuses without a repository", () => {
    const { publishConfig } = JSON.parse(readFileSync("package.json", "utf8")) as { publishConfig: object };
    expect(publishConfig).not.toHaveProperty("provenance");
  });
});
