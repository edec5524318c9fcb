type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never];

/** Compiles only where both types are the same. */
export function same<A, B>(..._proof: Same<A, B>): void {}

// @ts-expect-error or it would prove nothing
same<string, unknown>();
