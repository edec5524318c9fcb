// Node loads its own undici and sets its own global dispatcher with the first call. Where the undici package is imported before, Node's fetch
// uses the dispatcher of the package.
await fetch("data:,");
