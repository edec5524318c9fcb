/** A span as any product sends it, reduced to what is compared. Ids are lower-case hexadecimal. */
export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly kind: "CLIENT" | "SERVER" | "OTHER";
  readonly name: string;
  /** Who made it, as far as the product tells. */
  readonly by: string;
}
