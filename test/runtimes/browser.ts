export async function verifyBrowser(_: unknown): Promise<string | undefined> {
  return "not yet";
}
