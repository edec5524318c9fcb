/** The version of this package. A test compares it with package.json. */
export const VERSION = "0.1.0";

/** The semantic conventions that spans and metrics follow. */
export const SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0";
