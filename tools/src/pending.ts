/** Functions that are described but have no implementation yet: no method is generated for them. */
export const PENDING: ReadonlySet<string> = new Set<string>();
