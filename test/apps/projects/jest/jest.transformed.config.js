module.exports = {
  testEnvironment: "node",
  // What is published as ES modules, for a Node.js or a Jest that cannot load these from CommonJS.
  transformIgnorePatterns: ["/node_modules/(?!a2a-otel/)"],
};
