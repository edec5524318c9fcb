/** What each bundler makes a file of; the first two of every variant, the others of one. */
export const always = ["app", "a2a"];
export const once = ["doctor", "fetch-only", "inject-only", "plugin", "registered"];
